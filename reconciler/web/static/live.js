"use strict";
// Keeps a page up to date: /events says that something changed, the page is asked for again, and what differs is put in
// place. What has not changed stays the same element, so focus, selection, open details and scrolling stay too.
(() => {
  const main = document.querySelector("main[data-live]");
  const words = document.getElementById("state-words");
  const state = document.getElementById("state");
  const link = document.getElementById("link");
  if (!window.EventSource || !document.body.dataset.events) return;

  let shown = document.body.dataset.version;
  let wanted = shown;
  let busy = false;

  // Makes `old` equal to `fresh`, keeping every element that can stay.
  const morph = (old, fresh) => {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || old.id !== fresh.id) {
      old.replaceWith(fresh);
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      old.nodeValue = fresh.nodeValue;
      return;
    }
    const kept = old.nodeName === "DETAILS" ? ["open"] : [];
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !kept.includes(name)) old.removeAttribute(name);
    for (const { name, value } of [...fresh.attributes]) if (!kept.includes(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
    if (["INPUT", "TEXTAREA", "SELECT"].includes(old.nodeName)) return;
    children(old, fresh);
  };

  const children = (old, fresh) => {
    const named = new Map([...old.children].filter((one) => one.id).map((one) => [one.id, one]));
    let at = old.firstChild;
    for (const next of [...fresh.childNodes]) {
      const twin = next.id ? named.get(next.id) : null;
      if (twin && twin !== at) {
        if (twin.contains(document.activeElement)) {
          while (at && at !== twin) { const gone = at; at = at.nextSibling; if (gone.id && named.has(gone.id)) old.append(gone); else gone.remove(); }
        } else {
          old.insertBefore(twin, at);
          at = twin;
        }
      }
      if (!at || (at.id && !twin)) {
        old.insertBefore(next, at);
        continue;
      }
      const following = at.nextSibling;
      morph(at, next);
      at = following;
    }
    while (at) { const gone = at; at = at.nextSibling; gone.remove(); }
  };

  const refresh = async () => {
    if (busy || document.hidden || wanted === shown || !main) return;
    busy = true;
    const version = wanted;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin", headers: { Accept: "text/html" } });
      if (answer.redirected || !answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("main");
      if (fresh) {
        const focus = document.activeElement;
        children(main, document.importNode(fresh, true));
        document.title = page.title;
        if (focus && focus !== document.activeElement && focus.id) document.getElementById(focus.id)?.focus({ preventScroll: true });
      }
      shown = version;
    } catch {
      // The server is away; the next message comes when it is back.
    } finally {
      busy = false;
      if (wanted !== shown) setTimeout(refresh, 500);
    }
  };

  const source = new EventSource("/events");
  source.addEventListener("changed", (event) => {
    const now = JSON.parse(event.data);
    wanted = String(now.version);
    if (words.textContent !== now.words) words.textContent = now.words;
    state.className = "state " + now.state;
    link.textContent = "live";
    link.className = "live on";
    refresh();
  });
  source.addEventListener("error", () => { link.textContent = "reload"; link.className = "live"; });
  document.addEventListener("visibilitychange", refresh);
})();
