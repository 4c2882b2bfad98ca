// What the page does by itself in the browser: light and dark, the tour, what it keeps for a reload, and how often
// the memory line is asked for. `playground` is what the events of the page call.

const playground = (() => {
  const stored = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
  const store = (key, value) => { try { localStorage.setItem(key, value); } catch { /* a private window */ } };
  const address = new URLSearchParams(location.search);

  // Light and dark: the system's, until the button was pressed. Gradio sets the class too, so it is watched.
  let look = address.has("__theme") ? null : stored("playground-look");
  const dress = () => { if (look) document.body.classList.toggle("dark", look === "dark"); };
  const toggleLook = () => {
    look = document.body.classList.contains("dark") ? "light" : "dark";
    store("playground-look", look);
    dress();
  };

  // What survives a reload. Until the page is restored, nothing is kept, or its emptiness would be.
  let restored = false;
  const keep = (kept, part, value, tab) => {
    if (!restored) return kept;
    const page = { tab: kept?.tab, fields: { ...kept?.fields } };
    if (tab === undefined) page.tab = value;
    else page.fields[tab] = { ...page.fields[tab], [part]: part === "picture" ? value?.path ?? "" : value ?? "" };
    return page;
  };
  const startKeeping = () => { restored = true; };

  // A link is copied where the browser lets us; it is shown in any case.
  const copyLink = () => {
    const link = document.getElementById("copied");
    if (!link) return;
    link.textContent = link.href;
    navigator.clipboard?.writeText(link.href).catch(() => {});
  };

  // The tour
  let step = 0;
  const dialog = () => document.querySelector("dialog.tour");
  const steps = () => [...dialog().querySelectorAll("section")];
  const seenTour = () => {
    store("playground-tour", "seen");
    document.querySelector(".tour-offer").hidden = true;
  };
  const point = (target) => {
    document.querySelectorAll(".pointed-at").forEach((each) => each.classList.remove("pointed-at"));
    const place = target && [...document.querySelectorAll(target)].find((each) => each.offsetParent !== null);
    const whole = place?.closest(".examples") ?? place;
    whole?.classList.add("pointed-at");
    whole?.scrollIntoView({ block: "center" });
  };
  const go = (to) => {
    step = to;
    steps().forEach((each, index) => { each.hidden = index !== step; });
    dialog().querySelector("[data-tour=back]").disabled = step === 0;
    dialog().querySelector("[data-tour=next]").textContent = step === steps().length - 1 ? "Done" : "Next";
    point(steps()[step].dataset.target);
    steps()[step].querySelector("h2").focus({ preventScroll: true });
  };
  const tour = {
    start: () => { seenTour(); dialog().showModal(); go(0); },
    no: seenTour,
    back: () => go(Math.max(0, step - 1)),
    next: () => (step === steps().length - 1 ? dialog().close() : go(step + 1)),
    end: () => dialog().close(),
  };
  const offerTour = () => {
    const offer = document.querySelector(".tour-offer");
    if (!offer) { setTimeout(offerTour, 200); return; }
    dialog().addEventListener("close", () => point(null));
    offer.hidden = stored("playground-tour") !== null || address.has("example") || address.has("question");
  };

  document.addEventListener("click", (event) => tour[event.target.dataset?.tour]?.());
  // Gradio gives each radio button a group of its own, so a browser's arrow keys would not go from one to the next.
  document.addEventListener("keydown", (event) => {
    const way = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!way || event.target.type !== "radio" || event.altKey || event.ctrlKey || event.metaKey) return;
    const all = [...event.target.closest(".wrap").querySelectorAll("input[type=radio]:enabled")];
    if (all.length < 2 || all[0].name === all[1].name) return;
    const next = all[(all.indexOf(event.target) + way + all.length) % all.length];
    event.preventDefault();
    next.focus();
    next.click();
  });

  // What Gradio leaves without a name, or names though a plain div may have none (a group may).
  const mend = () => {
    document.querySelectorAll(".examples[role=list]").forEach((each) => { each.role = "group"; });  // of buttons
    document.querySelectorAll("div.empty[aria-label]:not([role])").forEach((each) => { each.role = "group"; });
    document.querySelectorAll("button:not([aria-label]):has(img)").forEach((each) => {
      if (!each.textContent.trim()) each.ariaLabel = "Enlarge the picture";
    });
  };

  const begin = () => {
    dress();
    mend();
    new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
    new MutationObserver(dress).observe(document.body, { attributes: true, attributeFilter: ["class"] });
    offerTour();
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();

  setInterval(() => { if (!document.hidden) document.getElementById("refresh-memory")?.click(); }, 10_000);

  return { toggleLook, keep, startKeeping, copyLink, startTour: tour.start };
})();
