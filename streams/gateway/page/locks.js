// Asks for an API key when one is needed.

import { isLocked, key, onLock, setKey } from "./api.js";
import { $ } from "./dom.js";
import { t } from "./language.js";

export function drawKey() {
  $("key-forget").hidden = !isLocked() && key() === null;
  $("key-forget").textContent = t(isLocked() ? "key.enter" : "key.forget");
}

function forget() {
  sessionStorage.clear();
  location.reload(); // nothing that the key showed stays
}

// `opened` is called when another key is given, `shut` when one is needed.
export function startLocks(opened, shut) {
  const dialog = $("key-dialog");
  onLock((locked, refused) => {
    drawKey();
    if (!locked) return opened();
    $("key-problem").textContent = refused ? t("key.wrong") : "";
    if (!dialog.open) dialog.showModal();
    shut();
  });
  $("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const given = $("key").value.trim();
    if (!given) return;
    $("key").value = "";
    dialog.close();
    setKey(given);
  });
  $("key-forget").addEventListener("click", () => (isLocked() ? dialog.showModal() : forget()));
  drawKey();
}
