"""Judges: the product's vocabulary, and when two things are alike. Values in, values out."""

# name -> where its Hasher stands; a string, so that whoever needs only the vocabulary loads no image library
HASHERS = {
    "phash": "detectors.phash:PHASH",
    "dhash": "detectors.dhash:DHASH",
}
