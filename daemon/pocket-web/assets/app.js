// Live updates, local times and progress. Everything works without this script.
"use strict";

// Buttons that only a script can serve.
document.querySelectorAll(".needs-script").forEach((element) => { element.hidden = false; });
document.querySelectorAll("[data-print]").forEach((button) => button.addEventListener("click", () => window.print()));
document.querySelectorAll("[data-copy]").forEach((button) => {
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.copy);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Marked: copy it";
    }
  });
});

// On a small screen the menu is a strip: the current section must be in sight.
const strip = document.querySelector(".menu");
const here = document.querySelector(".menu [aria-current]");
if (strip && here) strip.scrollLeft = here.offsetLeft - (strip.clientWidth - here.offsetWidth) / 2;

// Times as the clock on the wall has them.
function localTimes(root) {
  root.querySelectorAll("time[datetime]").forEach((element) => {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime())) return;
    element.title = element.dateTime;
    element.textContent = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  });
}
localTimes(document);

// A second press must not send a form twice; slow work says that it runs.
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!button || event.defaultPrevented) return;
  const words = button.textContent;
  setTimeout(() => {
    button.disabled = true;
    if (button.dataset.busy) button.textContent = button.dataset.busy;
  }, 0);
  // A download leaves the page where it is.
  if (!button.dataset.busy) setTimeout(() => { button.disabled = false; button.textContent = words; }, 3000);
});

// A page from the browser's memory may show what is locked by now.
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

document.querySelectorAll("[data-countdown]").forEach((element) => {
  let left = Number(element.dataset.countdown);
  const timer = setInterval(() => {
    left -= 1;
    element.textContent = String(Math.max(left, 0));
    if (left <= 0) { clearInterval(timer); element.closest(".notice").hidden = true; }
  }, 1000);
});

// Uploads with a bar.
document.querySelectorAll("form[data-upload]").forEach((form) => {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const shown = form.querySelector(".progress");
    const bar = shown.querySelector("progress");
    const words = shown.querySelector("span");
    const button = form.querySelector("button");
    const request = new XMLHttpRequest();
    shown.hidden = false;
    button.disabled = true;
    words.textContent = "Sending…";
    request.upload.addEventListener("progress", (step) => {
      if (!step.lengthComputable) return;
      bar.value = step.loaded / step.total;
      words.textContent = `${Math.floor(bar.value * 100)} %`;
    });
    request.addEventListener("load", () => {
      if (request.status < 300) { location.assign(request.responseURL); return; }
      const answer = new DOMParser().parseFromString(request.responseText, "text/html");
      const told = answer.querySelector(".notice.bad, main p");
      words.textContent = told ? told.textContent : "The upload was refused.";
      button.disabled = false;
    });
    request.addEventListener("error", () => {
      words.textContent = "The connection broke off. Send it again.";
      button.disabled = false;
    });
    request.open("POST", form.action);
    request.send(new FormData(form));
  });
});

// Live updates. The list is renewed under the eyes of an owner who is at work; otherwise a line says
// that something changed: a page that lies open must not keep the vault from locking itself.
if (document.body.hasAttribute("data-live") && "EventSource" in window) {
  const lost = document.getElementById("lost");
  const changed = document.getElementById("changed");
  let source = null;
  let active = Date.now();
  let renewal = null;
  let pause = 300;
  ["pointerdown", "keydown", "scroll"].forEach((name) => {
    document.addEventListener(name, () => { active = Date.now(); }, { passive: true });
  });

  const renew = async () => {
    const parts = document.querySelectorAll("[data-part]");
    if (parts.length === 0 || Date.now() - active > 60000) { changed.hidden = false; return; }
    try {
      const answer = await fetch(location.href, { redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      parts.forEach((part) => {
        const other = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
        if (!other || part.contains(document.activeElement)) { changed.hidden = false; return; }
        localTimes(other);
        if (other.innerHTML === part.innerHTML) return;
        part.replaceChildren(...other.childNodes);
        pause = 300;
      });
      // What changed was not here: look less often, so that a busy agent does not keep the page busy.
      pause = Math.min(pause * 2, 30000);
    } catch {
      changed.hidden = false;
    }
  };

  const open = () => {
    source = new EventSource("/events");
    source.addEventListener("open", () => { lost.hidden = true; });
    source.addEventListener("error", () => {
      lost.hidden = false;
      // A refusal ends the stream for good: most likely the device started anew.
      if (source.readyState === EventSource.CLOSED) setTimeout(() => { source.close(); open(); }, 5000);
    });
    source.addEventListener("changed", () => {
      renewal ??= setTimeout(() => { renewal = null; renew(); }, pause);
    });
    source.addEventListener("over", () => {
      source.close();
      // What stands in a half-written form is not thrown away.
      if (document.querySelector("form[data-keep]")) { changed.textContent = "You are logged out. Log in in another tab before you save."; changed.hidden = false; return; }
      location.reload();
    });
  };
  // A browser opens six connections to a host: a tab that nobody sees gives its one back.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { source?.close(); source = null; } else if (!source) { open(); renew(); }
  });
  window.addEventListener("pagehide", () => source?.close());
  open();
}
