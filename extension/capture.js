// Runs once in the page, when the button is pressed: gives its HTML as shown and the bytes of the pictures it shows.
(async () => {
  const SMALLEST_SIDE_PX = 90; // below it are icons and stars; marketplaces' thumbnails begin at about 100
  const MOST_PICTURES = 300;
  const LARGEST_PICTURE_BYTES = 5_000_000;
  const MOST_PICTURE_BYTES = 24_000_000; // in all: what the browser hands between its processes has a limit of 64 MiB
  const LARGEST_HTML = 20_000_000;
  const AT_ONCE = 6;
  const PATIENCE_MS = 10_000;
  const TYPES = ["image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"];

  const addressOf = (image) => {
    try {
      const url = new URL(image.currentSrc || image.src, document.baseURI);
      url.hash = "";
      return ["http:", "https:"].includes(url.protocol) ? url.href : null;
    } catch {
      return null;
    }
  };

  // The page as shown. Images say the address that is shown; what only the analyst's session needs is left out.
  const rendered = () => {
    const copy = document.documentElement.cloneNode(true);
    const shown = document.documentElement.querySelectorAll("img");
    copy.querySelectorAll("img").forEach((image, position) => {
      const address = addressOf(shown[position]);
      if (address) image.setAttribute("src", address);
    });
    copy.querySelectorAll("input[type=password], input[type=hidden]").forEach((input) => input.removeAttribute("value"));
    copy.querySelectorAll("[nonce]").forEach((element) => element.removeAttribute("nonce"));
    return `<!doctype html>\n${copy.outerHTML}`;
  };

  const toBase64 = (blob) =>
    new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
      reader.onerror = () => reject(reader.error);
      reader.readAsDataURL(blob);
    });

  // From the page's own cache; once more from the server where the cached answer does not allow reading.
  const bytesOf = async (url) => {
    for (const cache of ["force-cache", "reload"]) {
      try {
        const answer = await fetch(url, { cache, signal: AbortSignal.timeout(PATIENCE_MS) });
        const blob = await answer.blob();
        return answer.ok && TYPES.includes(blob.type.split(";")[0]) ? blob : null;
      } catch {
        continue;
      }
    }
    return undefined; // it is on another server, which lets no page read it
  };

  const html = rendered();
  if (html.length > LARGEST_HTML) return { error: "This page is too large to send." };
  const addresses = new Set();
  for (const image of document.images) {
    const address = addressOf(image);
    const large = Math.min(image.naturalWidth, image.naturalHeight) >= SMALLEST_SIDE_PX;
    if (address && large && addresses.size < MOST_PICTURES) addresses.add(address);
  }

  const found = new Map();
  const unreadable = [];
  const waiting = [...addresses];
  let room = MOST_PICTURE_BYTES;
  const work = async () => {
    for (let url = waiting.shift(); url; url = waiting.shift()) {
      const blob = await bytesOf(url);
      if (blob === undefined) unreadable.push(url);
      if (!blob || blob.size > LARGEST_PICTURE_BYTES || blob.size > room) continue;
      room -= blob.size;
      found.set(url, { url, type: blob.type, base64: await toBase64(blob) });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return {
    url: location.href,
    captured_at: new Date().toISOString(),
    user_agent: navigator.userAgent,
    html,
    shown: addresses.size,
    pictures: [...addresses].filter((url) => found.has(url)).map((url) => found.get(url)),
    unreadable,
  };
})();
