// Live updates and keys. The page works without this: it swaps in what the server renders.
"use strict";
(() => {
  const body = document.body;
  const main = () => document.querySelector("main");
  const news = document.getElementById("news");
  const WAIT_MS = 1500;
  const READ_ON_PX = 240;
  let timer = 0, waiting = null;

  const keys = (root) => [...root.querySelectorAll("[data-key]")].map((one) => one.dataset.key);

  function show(fresh) {
    const known = new Set(keys(document));
    const open = [...document.querySelectorAll("details[open][id]")].map((one) => one.id);
    const focused = document.activeElement && document.activeElement.getAttribute("href");
    main().replaceWith(fresh);
    for (const one of fresh.querySelectorAll("[data-key]")) {
      if (!known.has(one.dataset.key)) one.classList.add("changed");
    }
    for (const id of open) {
      const one = document.getElementById(id);
      if (one) one.open = true;
    }
    const link = focused && [...fresh.querySelectorAll("a")].find((one) => one.getAttribute("href") === focused);
    if (link) link.focus({ preventScroll: true });
    waiting = null;
    news.hidden = true;
  }

  async function refresh() {
    timer = 0;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    if (answer.redirected && new URL(answer.url).pathname !== location.pathname) {
      location.replace(answer.url);
      return;
    }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    if (keys(fresh).join() === keys(document).join()) return;
    // A reader who has scrolled down is not moved: the page says that there is more.
    if (scrollY < READ_ON_PX || body.dataset.live) show(fresh);
    else {
      waiting = fresh;
      news.hidden = false;
    }
  }

  const later = () => {
    timer = timer || setTimeout(() => refresh().catch(() => {}), WAIT_MS + Math.random() * 500);
  };

  if ("live" in body.dataset && window.EventSource && !new URLSearchParams(location.search).has("cursor")) {
    const story = body.dataset.live;
    const address = new URLSearchParams({ after: body.dataset.position });
    if (story) address.set("story", story);
    const source = new EventSource(`/api/live?${address}`);
    source.addEventListener("story", later);
    source.addEventListener("reset", later);
    addEventListener("pagehide", () => source.close());
    addEventListener("pageshow", (event) => event.persisted && location.reload());
    news.querySelector("button").addEventListener("click", () => {
      if (waiting) show(waiting);
      scrollTo(0, 0);
    });
  }

  function move(step) {
    const items = [...document.querySelectorAll("[data-item]")];
    const at = items.findIndex((one) => one.contains(document.activeElement));
    const next = items[at < 0 ? (step > 0 ? 0 : items.length - 1) : at + step];
    if (next) next.querySelector("a").focus();
  }

  addEventListener("keydown", (event) => {
    const target = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) return;
    if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "o" && target.tagName === "A") target.click();
    else if (event.key === "/") document.getElementById("search").focus();
    else return;
    event.preventDefault();
  });
})();
