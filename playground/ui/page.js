// What the page does by itself in the browser: light and dark, the tour, what it keeps for a reload, and how often
// the memory line is asked for. `playground` is what the events of the page call.

const playground = (() => {
  // Each tab of the browser has a talk, a page and a model of its own: what Gradio keeps in localStorage, which all
  // tabs share, is kept once more in sessionStorage, which each has to itself and which outlives a reload. A new tab
  // begins with what was kept last, by whichever tab; a copy of a tab begins as that one, and then goes its own way.
  const OWN = ["vlm-playground-talk", "playground-page", "playground-model"];
  const [getItem, setItem, removeItem] = ["getItem", "setItem", "removeItem"].map((each) => Storage.prototype[each]);
  const inTab = (storage, key) => storage === window.localStorage && OWN.includes(key);
  try {
    OWN.forEach((key) => {
      if (getItem.call(sessionStorage, key) === null) {
        setItem.call(sessionStorage, key, getItem.call(localStorage, key) ?? "");
      }
    });
    Storage.prototype.getItem = function (key) {
      return inTab(this, key) ? getItem.call(sessionStorage, key) || null : getItem.call(this, key);
    };
    Storage.prototype.setItem = function (key, value) {
      if (inTab(this, key)) setItem.call(sessionStorage, key, value);
      setItem.call(this, key, value);
    };
    Storage.prototype.removeItem = function (key) {
      if (inTab(this, key)) setItem.call(sessionStorage, key, "");  // none, and no other tab's either
      removeItem.call(this, key);
    };
  } catch { /* a browser that keeps nothing */ }

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
    else page.fields[tab] = { ...page.fields[tab], [part]: asKept(part, value) };
    return page;
  };
  const asKept = (part, value) => {
    if (part === "picture") return value?.path ?? "";
    return value?.files ? { text: value.text, files: value.files.map((file) => file.path) } : value ?? "";
  };
  // A link counts once: what it filled is kept like everything else, and its words leave the address, or every reload
  // would fill them in again.
  const LINK = ["tab", "example", "question", "model"].filter((each) => address.has(each));
  const startKeeping = (page, model, picked, places, values) => {
    restored = true;
    if (!LINK.length) return undefined;
    const rest = new URL(location.href);
    LINK.forEach((each) => rest.searchParams.delete(each));
    history.replaceState(history.state, "", rest);
    const tab = address.get("tab") || (address.has("example") ? "ask" : page?.tab);
    const filled = places.reduce((all, [tab, part], index) => keep(all, part, values[index], tab), page);
    return [keep(filled, "tab", tab), address.has("model") ? picked : model];
  };

  // The box of the talk is emptied here when its message leaves, and what comes back stands before what was typed
  // since: whatever the server would write into the box comes later than the next letters.
  const takeMessage = (box) => [box, { text: "", files: [] }];
  const putBack = (coming, box) => {
    if (!coming?.text && !coming?.files?.length) return undefined;
    const text = [coming.text, box?.text].filter((each) => each?.trim()).join("\n");
    const files = new Map([...coming.files, ...(box?.files ?? [])].map((file) => [file.path, file]));
    return [{ text: "", files: [] }, { text, files: [...files.values()] }];
  };

  // A link is copied where the browser lets us; it is shown in any case, until another tab or model is chosen.
  let linkIsShown = false;
  const forgetLink = () => {
    if (!linkIsShown) return undefined;
    linkIsShown = false;
    return "";
  };
  const copyLink = () => {
    linkIsShown = true;
    const link = document.getElementById("copied");
    if (!link) return;
    link.textContent = link.href;
    navigator.clipboard?.writeText(link.href).catch(() => {});
  };

  // A picture field takes any file, so that it can say in a sentence what is wrong with it: Gradio would refuse what
  // calls itself something else than a picture, in its own words.
  const asPictures = (files) => {
    const all = new DataTransfer();
    [...files].forEach((file) => {
      all.items.add(file.type.startsWith("image/") ? file : new File([file], file.name, { type: "image/png" }));
    });
    return all;
  };
  const strange = (files) => [...(files ?? [])].some((file) => !file.type.startsWith("image/"));
  const PICTURES = "input[type=file][accept^='image/']";
  document.addEventListener("change", ({ target }) => {
    if (target.matches?.(PICTURES) && strange(target.files)) target.files = asPictures(target.files).files;
  }, true);
  document.addEventListener("drop", (event) => {
    const field = event.target.closest?.(".upload-container");
    if (!field?.querySelector(PICTURES) || !strange(event.dataTransfer?.files)) return;
    event.preventDefault();
    event.stopPropagation();
    field.dispatchEvent(new DragEvent("drop", { dataTransfer: asPictures(event.dataTransfer.files) }));
  }, true);

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

  // What the card says of a model is folded on a phone, until it is opened; the card itself is made anew all the time.
  const narrow = matchMedia("(max-width: 480px)");
  let unfolded = false;
  const fold = () => {
    document.querySelectorAll(".card details").forEach((each) => { each.open = unfolded || !narrow.matches; });
  };
  narrow.addEventListener("change", fold);
  document.addEventListener("click", (event) => {
    const details = event.target.closest?.(".card summary")?.parentElement;
    if (!details) return;
    event.preventDefault();
    unfolded = !details.open;
    fold();
  });

  // A browser knows where in a folder each file lies, and Gradio passes on its name alone: so the place becomes the name,
  // with a sign in place of "/" that stands in no file's name (the app's caption tab reads it back).
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (!input?.webkitdirectory || !input.files?.length) return;
    const placed = new DataTransfer();
    for (const file of input.files) {
      const name = (file.webkitRelativePath || file.name).replaceAll("/", "\u2215");
      placed.items.add(new File([file], name, { type: file.type, lastModified: file.lastModified }));
    }
    input.files = placed.files;
  }, true);

  const change = () => { mend(); fold(); };
  const begin = () => {
    dress();
    change();
    new MutationObserver(change).observe(document.body, { childList: true, subtree: true });
    new MutationObserver(dress).observe(document.body, { attributes: true, attributeFilter: ["class"] });
    offerTour();
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();

  setInterval(() => { if (!document.hidden) document.getElementById("refresh-memory")?.click(); }, 10_000);

  return { toggleLook, keep, startKeeping, takeMessage, putBack, copyLink, forgetLink, startTour: tour.start };
})();
