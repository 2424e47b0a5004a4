// The settings page: address and token, checked against the server when they are saved.

import { ask, loadSettings, permissionFor, readAddress, saveSettings } from "./settings.js";

const EVERYWHERE = { origins: ["https://*/*"] };
const element = (id) => document.getElementById(id);

const settings = await loadSettings();
element("address").value = settings.address;
element("token").value = settings.token;
await showAllowed();

element("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const address = readAddress(element("address").value);
    const token = element("token").value.trim();
    if (!(await chrome.permissions.request(permissionFor(address)))) {
      throw new Error("Without your permission the extension cannot reach that address.");
    }
    await saveSettings(address, token);
    element("address").value = address;
    say("sending", "Saved. Checking…");
    const known = await ask({ address, token }, "/api/v1/token");
    say("done", `Saved. Bazaarwatch knows this browser as “${known.name}”.`);
  } catch (error) {
    say("failed", error.message);
  }
});

element("allow").addEventListener("click", async () => {
  const allowed = await chrome.permissions.contains(EVERYWHERE);
  await (allowed ? chrome.permissions.remove(EVERYWHERE) : chrome.permissions.request(EVERYWHERE));
  await showAllowed();
});

async function showAllowed() {
  const allowed = await chrome.permissions.contains(EVERYWHERE);
  element("allow").textContent = allowed ? "Take it back" : "Allow";
  element("allowed").textContent = allowed ? "Allowed." : "Not allowed: such pictures are left out.";
}

function say(state, text) {
  element("state").hidden = false;
  element("state").dataset.state = state;
  element("state").textContent = text;
}
