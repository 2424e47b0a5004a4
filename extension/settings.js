// Where pages are sent to, and by which token. Kept on this computer, for the extension's own pages alone.

export const DEFAULT_ADDRESS = "http://127.0.0.1:8741";
const LOOPBACK = ["127.0.0.1", "localhost"];

export async function loadSettings() {
  const { address = DEFAULT_ADDRESS, token = "" } = await chrome.storage.local.get(["address", "token"]);
  return { address, token };
}

export async function saveSettings(address, token) {
  await chrome.storage.local.set({ address, token });
}

/** The origin of an address as typed; throws a sentence for the person who typed it. */
export function readAddress(typed) {
  let url;
  try {
    url = new URL(typed.trim());
  } catch {
    throw new Error(`Write the address like ${DEFAULT_ADDRESS}.`);
  }
  const here = LOOPBACK.includes(url.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && here)) {
    throw new Error("The address must begin with https:// unless it is this computer's own (127.0.0.1).");
  }
  return url.origin;
}

/** The permission that sending to an origin needs; it is granted already where the origin is this computer. */
export function permissionFor(origin) {
  const url = new URL(origin);
  return { origins: [`${url.protocol}//${url.hostname}/*`] };
}

/** Ask the server; gives its JSON answer, or throws a sentence that says what to do. */
export async function ask(settings, path, options = {}) {
  if (!settings.token) throw new Error("No token is set. Open the settings and paste one.");
  let answer;
  try {
    answer = await fetch(settings.address + path, {
      ...options,
      headers: { Authorization: `Bearer ${settings.token}` },
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
      signal: AbortSignal.timeout(120_000),
    });
  } catch {
    throw new Error(`Nothing answers at ${settings.address}. Is “bazaarwatch serve” running there?`);
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(sentence(body.detail || body.title || `${settings.address} answered ${answer.status}`));
  return body;
}

/** The program's words as a sentence for a person: "no `x y` here" becomes "No “x y” here." */
function sentence(text) {
  const quoted = text.replace(/`([^`]*)`/g, "“$1”");
  return `${quoted.charAt(0).toUpperCase()}${quoted.slice(1)}${/[.!?]$/.test(quoted) ? "" : "."}`;
}
