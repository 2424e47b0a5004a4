// Opens with the button: sends the page at once and says what was read.

const OUTCOMES = {
  ok: "Received.",
  empty: "Received: the site says that nothing was found.",
  blocked: "Received, but this is a bot check, not a page of listings. Pass it and send again.",
  login_required: "Received, but this page asks for a login. Log in and send again.",
  needs_rendering: "Received, but the page was still empty. Wait until it shows its listings and send again.",
  rate_limited: "Received, but the site asks for a pause.",
  gone: "Received: the listing has ended.",
  drift: "Received and kept, but no listing could be read from it. The site may have changed.",
  failed: "Received and kept, but it could not be read.",
};

const element = (id) => document.getElementById(id);
element("again").addEventListener("click", send);
element("settings").addEventListener("click", () => chrome.runtime.openOptionsPage());
send();

async function send() {
  say("sending", "Sending this page…");
  element("again").hidden = element("facts").hidden = true;
  const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
  const answer = tab ? await chrome.runtime.sendMessage({ send: tab.id }) : { error: "There is no page to send." };
  element("again").hidden = false;
  if (answer.error) {
    say("failed", answer.error);
    return;
  }
  const read = answer.outcome === "ok" || answer.outcome === "empty";
  say(read ? "done" : "warning", OUTCOMES[answer.outcome] || `Received: ${answer.outcome}.`);
  show({
    Marketplace: answer.marketplace || "unknown",
    Listings: `${answer.listings} (${answer.new} new)`,
    Pictures: `${answer.pictures} kept with listings; the page shows ${answer.shown} different ones`,
    ...(answer.reason ? { Reason: answer.reason } : {}),
  });
}

function say(state, text) {
  element("state").dataset.state = state;
  element("state").textContent = text;
}

function show(facts) {
  const rows = Object.entries(facts).flatMap(([name, value]) => {
    const [term, detail] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = name;
    detail.textContent = value;
    return [term, detail];
  });
  element("facts").replaceChildren(...rows);
  element("facts").hidden = false;
}
