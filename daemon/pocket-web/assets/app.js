// Live updates, local times and progress. Everything works without this script.
"use strict";
const say = document.body.dataset;

// Buttons that only a script can serve.
document.querySelectorAll(".needs-script").forEach((element) => { element.hidden = false; });
document.querySelectorAll("[data-print]").forEach((button) => button.addEventListener("click", () => window.print()));
document.querySelectorAll("[data-copy]").forEach((button) => {
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.copy);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      button.textContent = say.sayCopied;
    } catch {
      button.textContent = say.sayMarked;
    }
  });
});

// One key says no. Approving has none: it takes the hand and the eye.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, textarea, select")) return;
  const button = document.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (button && !button.disabled) button.click();
});

// What is needed only to switch something off shows when that is about to happen.
document.querySelectorAll("[data-if-zero]").forEach((part) => {
  const field = document.getElementById(part.dataset.ifZero);
  const look = () => { part.hidden = Number(field.value) !== 0; };
  field.addEventListener("input", look);
  look();
});

// The drawer closes as its visitor expects.
const drawer = document.querySelector(".drawer");
if (drawer) {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && drawer.open) { drawer.open = false; drawer.querySelector("summary").focus(); }
  });
  document.addEventListener("pointerdown", (event) => { if (!drawer.contains(event.target)) drawer.open = false; });
}

// Times as the clock on the wall and the browser's language have them. A day is no instant: it must
// not move with the time zone.
function localTimes(root) {
  root.querySelectorAll("time[datetime]").forEach((element) => {
    const text = element.dateTime;
    const isDay = text.length === 10;
    const at = new Date(isDay ? `${text}T00:00` : text);
    if (Number.isNaN(at.getTime())) return;
    element.title = text;
    if ("left" in element.dataset) { countDown(element, at); return; }
    const style = isDay ? { dateStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" };
    element.textContent = at.toLocaleString(undefined, style);
  });
}
// A lease: until when, and how long that is.
function countDown(element, at) {
  const minutes = Math.max(0, Math.round((at.getTime() - Date.now()) / 60000));
  const left = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "always" });
  const words = minutes < 100 ? left.format(minutes, "minute") : left.format(Math.round(minutes / 60), "hour");
  element.textContent = `${at.toLocaleTimeString(undefined, { timeStyle: "short" })} (${words})`;
}
localTimes(document);
// Numbers too, with as many decimals as they came with.
function localNumbers(root) {
  root.querySelectorAll("data[value]").forEach((element) => {
    const digits = (element.value.split(".")[1] ?? "").length;
    element.textContent = Number(element.value).toLocaleString(undefined, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  });
}
localNumbers(document);
setInterval(() => { document.querySelectorAll("time[data-left]").forEach((element) => countDown(element, new Date(element.dateTime))); }, 30000);

// A second press must not send a form twice; slow work says that it runs.
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!button || event.defaultPrevented) return;
  const before = [...button.childNodes];
  setTimeout(() => {
    button.disabled = true;
    if (button.dataset.busy) button.textContent = button.dataset.busy;
  }, 0);
  // A download leaves the page where it is.
  if (!button.dataset.busy) setTimeout(() => { button.disabled = false; button.replaceChildren(...before); }, 3000);
});

// What was typed into a form and not sent: a page that holds some is never thrown away.
function typed() {
  if ("unsaved" in say) return true;
  const fields = [...document.querySelectorAll("main form:not([role=search]) :is(input, textarea, select)")];
  return fields.some((field) => {
    if (field.type === "hidden" || field.form.method === "get") return false;
    if (field.type === "file") return field.files.length > 0;
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.options) return field.selectedIndex !== Math.max(0, [...field.options].findIndex((one) => one.defaultSelected));
    return field.value !== field.defaultValue;
  });
}
// But secrets do not stay on the screen of someone who is logged out.
function forgetSecrets() {
  document.querySelectorAll("input[type=password], .masked").forEach((field) => { field.value = ""; });
}

// A page from the browser's memory may show what is locked by now.
window.addEventListener("pageshow", (event) => { if (event.persisted && !typed()) location.reload(); });

document.querySelectorAll("[data-countdown]").forEach((element) => {
  let left = Number(element.dataset.countdown);
  const timer = setInterval(() => {
    left -= 1;
    element.textContent = String(Math.max(left, 0));
    if (left <= 0) { clearInterval(timer); element.closest(".notice").hidden = true; }
  }, 1000);
});

// How strong a new passphrase is, while it is typed.
document.querySelectorAll("[data-measured]").forEach((field) => {
  const shown = field.parentElement.querySelector("[data-strength]");
  const token = field.form.elements.form_token.value;
  let timer = null;
  let asked = 0;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    if (!field.value) { shown.hidden = true; return; }
    timer = setTimeout(async () => {
      asked += 1;
      const mine = asked;
      try {
        const answer = await fetch("/strength", { method: "POST", body: new URLSearchParams({ form_token: token, passphrase: field.value }) });
        const { grade, words } = await answer.json();
        if (mine !== asked || !answer.ok) return;
        shown.querySelector("progress").hidden = grade === null;
        shown.querySelector("progress").value = grade ?? 0;
        shown.querySelector("span").textContent = words;
        shown.hidden = false;
      } catch { shown.hidden = true; }
    }, 300);
  });
});

// Uploads with a bar, and files that are dropped.
document.querySelectorAll("form[data-upload]").forEach((form) => {
  const zone = form.querySelector(".drop");
  const input = form.querySelector("input[type=file]");
  ["dragover", "dragenter"].forEach((name) => document.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("over"); }));
  ["dragleave", "dragend"].forEach((name) => document.addEventListener(name, () => zone.classList.remove("over")));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    if (event.dataTransfer.files.length > 0) input.files = event.dataTransfer.files;
  });
  const folder = form.querySelector("[data-folder]");
  if (folder) {
    // Where a browser chooses files alone, an archive does.
    folder.hidden = !("webkitdirectory" in input);
    folder.querySelector("input").addEventListener("change", (event) => { input.webkitdirectory = event.target.checked; input.value = ""; });
  }
  const shown = form.querySelector(".progress");
  const bar = shown.querySelector("progress");
  const words = shown.querySelector("span");
  const button = form.querySelector("button");
  // The files stay chosen: whatever went wrong, the owner can send them again.
  const stop = (text) => { words.textContent = text; button.disabled = false; };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    shown.hidden = false;
    button.disabled = true;
    words.textContent = say.saySending;
    // Minutes of sending would be for nothing in a session that is over, or under the token of another.
    try {
      const answer = await fetch(form.action, { redirect: "manual" });
      if (answer.type === "opaqueredirect") { stop(say.sayLogin); return; }
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      form.elements.form_token.value = fresh.querySelector("[data-upload] [name=form_token]").value;
    } catch { stop(say.sayBroken); return; }
    const request = new XMLHttpRequest();
    request.upload.addEventListener("progress", (step) => {
      if (!step.lengthComputable) return;
      bar.value = step.loaded / step.total;
      words.textContent = bar.value.toLocaleString(undefined, { style: "percent" });
    });
    request.addEventListener("load", () => {
      const there = new URL(request.responseURL).pathname;
      const answer = new DOMParser().parseFromString(request.responseText, "text/html");
      if (request.status < 300 && there !== "/unlock") {
        // What became of the files stands in the answer itself, and nowhere else.
        if (form.dataset.upload !== "here") { location.assign(request.responseURL); return; }
        localTimes(answer);
        document.querySelector("main").replaceWith(document.adoptNode(answer.querySelector("main")));
        document.querySelector("main h1").focus();
        return;
      }
      const told = answer.querySelector(".notice.bad, main p");
      stop(there === "/unlock" ? say.sayLogin : told ? told.textContent : say.sayRefused);
    });
    request.addEventListener("error", () => stop(say.sayBroken));
    request.open("POST", form.action);
    const data = new FormData();
    for (const [name, value] of new FormData(form)) {
      if (value instanceof File) data.append(name, value, value.webkitRelativePath || value.name);
      else data.append(name, value);
    }
    request.send(data);
  });
});

// Puts the parts of a fresh page into this one, and leaves alone what its owner is at.
function refresh(fresh) {
  let whole = true;
  document.querySelectorAll("[data-part]").forEach((part) => {
    const other = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!other) { whole = false; return; }
    localTimes(other);
    localNumbers(other);
    const ticked = [...part.querySelectorAll(":checked")].map((box) => box.value);
    other.querySelectorAll("input[type=checkbox]").forEach((box) => { box.checked = ticked.includes(box.value); });
    if (other.innerHTML === part.innerHTML) return;
    const held = part.contains(document.activeElement) ? document.activeElement : null;
    const name = held && (held.getAttribute("href") || held.value);
    part.replaceChildren(...other.childNodes);
    // Who works by keyboard stays where they were.
    if (name) [...part.querySelectorAll("a, input, button")].find((one) => one.getAttribute("href") === name || one.value === name)?.focus({ preventScroll: true });
  });
  return whole;
}
async function fetched() {
  const answer = await fetch(location.href, { redirect: "error" });
  if (!answer.ok) throw new Error(String(answer.status));
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// While an export goes out, the page says how far it is.
document.querySelectorAll("form[data-export]").forEach((form) => {
  form.addEventListener("submit", () => {
    let idle = 0;
    const timer = setInterval(async () => {
      try { refresh(await fetched()); } catch { clearInterval(timer); return; }
      idle = form.querySelector("progress") ? 0 : idle + 1;
      if (idle > 2) clearInterval(timer);
    }, 1000);
  });
});

// Live updates. The page is renewed under the eyes of an owner who is at work; otherwise a line says
// that something changed: a page that lies open must not keep the vault from locking itself.
if ("live" in say && "EventSource" in window) {
  const lost = document.getElementById("lost");
  const changed = document.getElementById("changed");
  // What an action showed can't be loaded anew: the link leads to its section, of others to themselves.
  if (location.search || document.querySelector("[data-part=record]")) changed.querySelector("a").href = location.href;
  let source = null;
  let active = Date.now();
  let renewal = null;
  let pause = 300;
  ["pointerdown", "keydown", "scroll"].forEach((name) => {
    document.addEventListener(name, () => { active = Date.now(); }, { passive: true });
  });

  const renew = async () => {
    if (!document.querySelector("[data-part]")) return;
    if (Date.now() - active > 60000) { changed.hidden = false; return; }
    try {
      if (!refresh(await fetched())) changed.hidden = false;
      // A busy agent must not keep the page busy; an answer that its owner reads as it comes may.
      pause = document.querySelector("[data-hurry]") ? 300 : Math.min(pause * 2, 10000);
      setTimeout(() => { pause = 300; }, 15000);
    } catch {
      changed.hidden = false;
    }
  };

  const open = () => {
    source = new EventSource("/events");
    source.addEventListener("open", () => {
      // What was missed while nobody answered is looked up.
      if (!lost.hidden) { lost.hidden = true; renew(); }
    });
    source.addEventListener("error", () => {
      lost.hidden = false;
      // A refusal ends the stream for good: most likely the device started anew.
      if (source.readyState === EventSource.CLOSED) setTimeout(again, 3000);
    });
    source.addEventListener("changed", () => {
      renewal ??= setTimeout(() => { renewal = null; renew(); }, pause);
    });
    source.addEventListener("over", over);
  };
  const again = async () => {
    source?.close();
    try {
      const answer = await fetch(location.href, { redirect: "manual" });
      if (answer.type === "opaqueredirect") { lost.hidden = true; over(); return; }
    } catch { /* still nobody there: the stream tells when that changes */ }
    open();
  };
  const over = () => {
    source?.close();
    forgetSecrets();
    if (typed()) {
      changed.querySelector("span").textContent = say.sayOver;
      changed.querySelector("a").hidden = true;
      changed.hidden = false;
      return;
    }
    location.reload();
  };
  // A browser opens six connections to a host: a tab that nobody sees gives its one back.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { source?.close(); source = null; } else if (!source) { open(); renew(); }
  });
  window.addEventListener("pagehide", () => source?.close());
  window.addEventListener("pageshow", (event) => { if (event.persisted) again(); });
  open();
}
