"""What listens: the endpoint that takes pages in, from which the review pages grow."""
