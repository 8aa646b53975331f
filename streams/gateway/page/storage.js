// Clean-up on demand.

import { adminCall } from "./admin.js";
import { $, doing, say } from "./dom.js";
import { megabytes, t } from "./language.js";

export function startStorage(changed) {
  const button = $("clean");
  button.addEventListener("click", () =>
    doing(button, "storage-problem", async () => {
      say(t("storage.cleaning"));
      const answer = await adminCall("/api/tts/storage/cleanup", { method: "POST" });
      if (!answer) return;
      const { deleted_count: n, deleted_size_mb: size } = answer.cleanup;
      say(t("storage.cleaned", { n, size: megabytes(size) }));
      changed();
    }),
  );
}
