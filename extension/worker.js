// Takes the page in a tab, sends it, and says on the button how that went.

import { ask, loadSettings } from "./settings.js";

const EVERYWHERE = { origins: ["https://*/*"] };
const LARGEST_PICTURE_BYTES = 5_000_000;
const MOST_FROM_ELSEWHERE = 100;
const PATIENCE_MS = 10_000;

chrome.storage.local.setAccessLevel({ accessLevel: "TRUSTED_CONTEXTS" }); // no page's script may read the token

chrome.runtime.onMessage.addListener((message, sender, respond) => {
  const ours = sender.id === chrome.runtime.id && sender.url?.startsWith(chrome.runtime.getURL(""));
  if (!ours || !Number.isInteger(message.send)) return false;
  send(message.send).then(respond);
  return true; // the answer comes later
});

async function send(tabId) {
  await badge(tabId, "…", "#5b6472");
  try {
    const settings = await loadSettings();
    if (!settings.token) throw new Error("No token is set. Open the settings and paste one.");
    const shot = await screenshot(tabId);
    const page = { ...(await capture(tabId)), shot };
    const read = await ask(settings, "/api/v1/pages", { method: "POST", body: await form(page) });
    await badge(tabId, read.outcome === "ok" ? String(read.listings) : "0", "#1d7a46");
    return { ...read, shown: page.shown };
  } catch (error) {
    await badge(tabId, "!", "#b3261e");
    return { error: error.message };
  }
}

async function capture(tabId) {
  let result;
  try {
    [{ result }] = await chrome.scripting.executeScript({ target: { tabId }, files: ["capture.js"] });
  } catch {
    throw new Error("The browser lets no extension read this page.");
  }
  if (!result || result.error) throw new Error(result?.error || "The page could not be read.");
  return result;
}

// What the person sees, kept beside the page as evidence. None where another tab is in front or the browser forbids it.
async function screenshot(tabId) {
  try {
    const { windowId } = await chrome.tabs.get(tabId);
    const image = await chrome.tabs.captureVisibleTab(windowId, { format: "jpeg", quality: 80 });
    const { active } = await chrome.tabs.get(tabId);
    return active ? await decode("image/jpeg", image.slice(image.indexOf(",") + 1)) : null;
  } catch {
    return null;
  }
}

async function form(page) {
  const pictures = [];
  for (const { url, type, base64 } of page.pictures) pictures.push([url, await decode(type, base64)]);
  pictures.push(...(await fromElsewhere(page.unreadable)));
  const facts = {
    url: page.url,
    captured_at: page.captured_at,
    user_agent: page.user_agent,
    pictures: pictures.map(([url]) => url),
  };
  const body = new FormData();
  body.append("page", JSON.stringify(facts));
  body.append("html", new Blob([page.html], { type: "text/html" }), "page.html");
  for (const [, blob] of pictures) body.append("picture", blob, "picture");
  if (page.shot) body.append("screenshot", page.shot, "screenshot");
  return body;
}

async function decode(type, base64) {
  const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
  return new Blob([bytes], { type });
}

// Pictures that the page may show but not read. Only where the person allowed it on the settings page.
async function fromElsewhere(urls) {
  const wanted = urls.filter((url) => url.startsWith("https:")).slice(0, MOST_FROM_ELSEWHERE);
  if (!wanted.length || !(await chrome.permissions.contains(EVERYWHERE))) return [];
  const found = await Promise.all(
    wanted.map(async (url) => {
      try {
        const answer = await fetch(url, { credentials: "omit", signal: AbortSignal.timeout(PATIENCE_MS) });
        const blob = await answer.blob();
        return answer.ok && blob.type.startsWith("image/") && blob.size <= LARGEST_PICTURE_BYTES ? [url, blob] : null;
      } catch {
        return null;
      }
    }),
  );
  return found.filter(Boolean);
}

async function badge(tabId, text, color) {
  try {
    await chrome.action.setBadgeBackgroundColor({ tabId, color });
    await chrome.action.setBadgeText({ tabId, text });
  } catch {
    // the tab was closed meanwhile
  }
}
