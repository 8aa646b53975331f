// Light, dark, or as the system says.

const KEPT = "loa.look";

export function startLook(picker) {
  picker.value = localStorage.getItem(KEPT) ?? "auto";
  if (!picker.value) picker.value = "auto";
  const apply = () => (document.documentElement.dataset.look = picker.value);
  picker.addEventListener("change", () => {
    localStorage.setItem(KEPT, picker.value);
    apply();
  });
  apply();
}
