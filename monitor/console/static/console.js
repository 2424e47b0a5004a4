// Makes quick what forms can do: keys, the next card loaded ahead, comparing pictures, dropping files. Every page works
// without it.
"use strict";

const body = document.body;
const html = window.trustedTypes
  ? trustedTypes.createPolicy("bazaarwatch", { createHTML: (text) => text }) // parts of our own pages only
  : { createHTML: (text) => text };
const said = document.getElementById("said"); // with our texts, which the page brings translated

function say(text) {
  said.textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { said.textContent = ""; }, 5000);
}

async function send(address, form) {
  const answer = await fetch(address, { method: "POST", body: form, headers: { accept: "application/json" } });
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(found.detail || said.dataset.failed + ": " + answer.status);
  return found;
}

// Comparing: side by side, slider, flicker, points

function fit(frame) {
  const image = frame.querySelector("img");
  const laid = frame.querySelector(".laid");
  if (!laid || !image.offsetWidth) return;
  laid.style.left = image.offsetLeft + "px";
  laid.style.top = image.offsetTop + "px";
  laid.style.width = image.offsetWidth + "px";
  laid.style.height = image.offsetHeight + "px";
}

function uncover(compare, share) {
  compare.querySelector("clipPath rect").setAttribute("width", share);
}

function setMode(compare, mode) {
  compare.dataset.mode = mode;
  for (const button of compare.querySelectorAll(".modes button")) {
    button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  }
  if (mode === "points") {
    const figure = compare.querySelector(".points");
    if (!figure.querySelector("img")) {
      const image = document.createElement("img");
      image.alt = figure.querySelector("figcaption").textContent;
      image.src = figure.dataset.src;
      figure.prepend(image);
    }
    return;
  }
  const slider = compare.querySelector(".slider input");
  if (slider) uncover(compare, mode === "flicker" ? 1 : slider.value / 100);
  compare.querySelectorAll(".frame").forEach(fit);
}

document.addEventListener("click", (event) => {
  const mode = event.target.closest(".modes button");
  if (mode) setMode(mode.closest(".compare"), mode.dataset.mode);
});
document.addEventListener("input", (event) => {
  if (event.target.closest(".slider")) uncover(event.target.closest(".compare"), event.target.value / 100);
});
addEventListener("resize", () => document.querySelectorAll(".frame").forEach(fit));
document.addEventListener("load", (event) => {
  const frame = event.target.closest && event.target.closest(".frame");
  if (frame) fit(frame);
}, true);

// Reviewing: the next card is here before it is asked for

const place = document.getElementById("card");
let ahead = null;
let busy = false;

function card() { return place && place.querySelector(".card"); }

function lookAhead() {
  const present = card();
  if (!present || !present.dataset.next) { ahead = null; return; }
  const address = present.dataset.next;
  ahead = fetch(address, { headers: { accept: "text/html" } }).then(async (answer) => {
    if (!answer.ok) throw new Error(said.dataset.ahead + ": " + answer.status);
    const holder = document.createElement("template");
    holder.innerHTML = html.createHTML(await answer.text());
    for (const image of holder.content.querySelectorAll(".frame img")) new Image().src = image.getAttribute("src");
    return holder.content;
  });
  ahead.catch(() => {});
}

async function goOn(present) {
  const coming = await ahead;
  history.pushState(null, "", present.dataset.address);
  place.replaceChildren(coming);
  document.querySelectorAll(".frame").forEach(fit);
  scrollTo(0, 0);
  document.getElementById("main").focus({ preventScroll: true });
  lookAhead();
}

function offerUndo(decision, text) {
  const undo = document.getElementById("undo");
  undo.hidden = false;
  undo.querySelector("form").action = "/decisions/" + decision + "/undo";
  undo.querySelector("span").textContent = text;
}

async function decide(form, button) {
  const present = form.closest(".card");
  const sent = new FormData(form);
  sent.set("answer", button.value);
  busy = true;
  try {
    const done = await send(form.getAttribute("action"), sent);
    if (done.known) say(said.dataset.known + ": " + done.known);
    else offerUndo(done.decision, button.firstChild.textContent.trim() + ": " + done.alerts);
    await goOn(present);
  } catch (error) {
    say(error.message);
  }
  busy = false;
}

if (place) {
  place.addEventListener("submit", (event) => {
    const form = event.target.closest(".decide");
    if (!form || !event.submitter) return;
    event.preventDefault();
    if (!busy) decide(form, event.submitter);
  });
  place.addEventListener("click", async (event) => {
    const skip = event.target.closest("a[data-key=s]");
    if (!skip || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (busy) return;
    busy = true;
    await goOn(card()).catch(() => location.assign(skip.href));
    busy = false;
  });
  document.getElementById("undo").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const done = await send(event.target.getAttribute("action"), new FormData(event.target));
      location.assign("/alerts/" + done.alert);
    } catch (error) {
      say(error.message);
    }
  });
  addEventListener("popstate", () => location.reload());
  lookAhead();
}

// Single keys, which a person can turn off (WCAG 2.1.4)

const switcher = document.querySelector("[data-keys]");

function keysAreOn() { return localStorage.getItem("keys") !== "off"; }

if (switcher) {
  switcher.setAttribute("aria-pressed", String(keysAreOn()));
  switcher.addEventListener("click", () => {
    localStorage.setItem("keys", keysAreOn() ? "off" : "on");
    switcher.setAttribute("aria-pressed", String(keysAreOn()));
    say(keysAreOn() ? said.dataset.keysOn : said.dataset.keysOff);
  });
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox], [type=range]), textarea, select");
  if (event.ctrlKey || event.metaKey || event.altKey || typing || !keysAreOn()) return;
  const target = [...document.querySelectorAll("[data-key]")].find(
    (one) => one.dataset.key === event.key.toLowerCase() && one.offsetParent
  );
  if (!target) return;
  event.preventDefault();
  target.click();
});

// Choosing all, and what a form asks back

document.addEventListener("change", (event) => {
  const all = event.target.closest("[data-all]");
  if (!all) return;
  for (const box of all.form.querySelectorAll("[name=" + all.dataset.all + "]")) box.checked = all.checked;
});

// Files dropped onto a page: one after the other, with progress

for (const drop of document.querySelectorAll(".drop")) {
  const form = drop.closest("form");
  const input = form.querySelector("[type=file]");
  const bar = drop.querySelector("progress");
  const line = drop.querySelector("output");
  const upload = (file) => new Promise((done, failed) => {
    const sent = new FormData(form);
    sent.delete(input.name);
    sent.append(input.name, file);
    const request = new XMLHttpRequest();
    request.open("POST", form.getAttribute("action"));
    request.setRequestHeader("accept", "application/json");
    request.upload.addEventListener("progress", (event) => { bar.value = event.loaded / event.total; });
    request.addEventListener("load", () => {
      const found = JSON.parse(request.responseText || "{}");
      if (request.status < 300) done(found); else failed(new Error(found.detail || request.status));
    });
    request.addEventListener("error", () => failed(new Error(said.dataset.offline)));
    request.send(sent);
  });
  const take = async (files) => {
    bar.hidden = false;
    const refused = [];
    let number = 0;
    for (const file of files) {
      number += 1;
      line.textContent = number + " / " + files.length + ": " + file.name;
      try {
        const found = await upload(file);
        refused.push(...found.refused);
      } catch (error) {
        refused.push(file.name + ": " + error.message);
      }
    }
    bar.hidden = true;
    if (refused.length) { line.textContent = refused.join("; "); say(said.dataset.refused); } else location.reload();
  };
  input.addEventListener("change", () => take([...input.files]));
  for (const kind of ["dragenter", "dragover"]) {
    drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
  }
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take([...event.dataTransfer.files]);
  });
}

const leaving = document.getElementById("leaving");
if (leaving) {
  const look = async () => {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    const holder = document.createElement("template");
    holder.innerHTML = html.createHTML(await answer.text());
    const now = holder.content.querySelector("#leaving");
    if (!now) { location.reload(); return; }
    leaving.replaceChildren(...now.childNodes);
    setTimeout(look, 2000);
  };
  setTimeout(look, 2000);
}
