// The upload form: the file goes to us in resumable pieces (tus), then the post is asked for.
// Without this script the page says so; nothing else on the site needs a script.
(() => {
  const form = document.querySelector("form[data-upload]");
  const part = (name) => form.querySelector(`[data-part="${name}"]`);
  const field = (name) => form.elements.namedItem(name);
  const csrf = document.querySelector('meta[name="csrf-token"]').content;
  let running = null;
  let key = crypto.randomUUID();

  const size = (bytes) => (bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.ceil(bytes / 1e3)} kB`);

  const say = (text, bad = false) => {
    const box = part("message");
    box.hidden = !text;
    box.className = bad ? "message bad" : "message";
    box.textContent = text;
    if (bad) box.focus();
  };

  const busy = (on) => {
    form.querySelector('button[type="submit"]').disabled = on;
    part("controls").hidden = !on || !running;
  };

  const source = () => field("source").value;

  const showSource = () => {
    part("file").hidden = source() !== "FILE_UPLOAD";
    part("url").hidden = source() === "FILE_UPLOAD";
  };

  const showMode = () => {
    part("direct").hidden = field("mode").value !== "DIRECT";
  };

  const wrong = () => {
    if (!field("title").value.trim()) return "Please give the post a title.";
    if (source() === "PULL_FROM_URL") {
      return /^https?:\/\//.test(field("video_url").value) ? "" : "Please give the address of the video.";
    }
    const file = field("video").files[0];
    if (!file) return "Please choose a video file.";
    if (!file.type.startsWith("video/")) return "That file is not a video. MP4, MOV and WebM are accepted.";
    if (file.size > Number(form.dataset.maxBytes)) return `That file is larger than ${size(Number(form.dataset.maxBytes))}.`;
    return "";
  };

  const progress = (started) => (sent, total) => {
    const seconds = (performance.now() - started) / 1000;
    const rate = sent / Math.max(seconds, 0.001);
    const left = rate > 0 ? Math.ceil((total - sent) / rate) : null;
    part("bar").value = sent / total;
    part("figures").textContent =
      `${size(sent)} of ${size(total)}, ${size(rate)}/s` + (left === null ? "" : `, about ${left} s left`);
  };

  const store = (file) =>
    new Promise((resolve, reject) => {
      running = new tus.Upload(file, {
        endpoint: "/api/media",
        chunkSize: 8 * 1024 * 1024,
        retryDelays: [0, 1000, 3000, 10000],
        headers: { "X-CSRF-Token": csrf },
        metadata: { filename: file.name, filetype: file.type },
        removeFingerprintOnSuccess: true,
        onProgress: progress(performance.now()),
        onError: reject,
        onSuccess: () => resolve(Number(running.url.split("/").pop())),
      });
      running.findPreviousUploads().then((known) => {
        if (known.length) running.resumeFromPreviousUpload(known[0]);
        running.start();
        part("progress").hidden = false;
        busy(true);
      });
    });

  const wish = (mediaId) => {
    const body = {
      source: source(),
      title: field("title").value.trim(),
      mode: field("mode").value,
      account_id: Number(field("account_id").value),
    };
    if (mediaId) body.media_id = mediaId;
    else body.videoUrl = field("video_url").value;
    if (body.mode === "DIRECT") {
      body.privacy_level = field("privacy_level").value;
      for (const name of ["comment", "duet", "stitch"]) body[`disable_${name}`] = !field(`allow_${name}`).checked;
    }
    if (field("publish_at").value) body.publish_at = new Date(field("publish_at").value).toISOString();
    return body;
  };

  const ask = async (body) => {
    const answer = await fetch("/api/tiktok/upload", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf, "Idempotency-Key": key },
      body: JSON.stringify(body),
    });
    const said = await answer.json();
    if (!said.success) throw new Error([said.error.userMessage, said.error.suggestion].filter(Boolean).join(" "));
    return said.data.id;
  };

  const reason = (error) => {
    try {
      return JSON.parse(error.originalResponse.getBody()).error.userMessage;
    } catch {
      return error.message;
    }
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const fault = wrong();
    if (fault) return say(fault, true);
    say("");
    busy(true);
    try {
      const mediaId = source() === "FILE_UPLOAD" ? await store(field("video").files[0]) : null;
      location.assign(`/posts/${await ask(wish(mediaId))}`);
    } catch (error) {
      say(reason(error), true);
      key = crypto.randomUUID();
      running = null;
      busy(false);
    }
  });

  part("pause").addEventListener("click", (event) => {
    const paused = event.target.getAttribute("aria-pressed") === "true";
    paused ? running.start() : running.abort();
    event.target.setAttribute("aria-pressed", String(!paused));
    event.target.textContent = paused ? "Pause" : "Go on";
  });

  part("cancel").addEventListener("click", async () => {
    await running.abort(true);
    running = null;
    part("progress").hidden = true;
    busy(false);
    say("Cancelled. Nothing was posted.");
  });

  const drop = part("drop");
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    field("video").files = event.dataTransfer.files;
    field("video").dispatchEvent(new Event("change"));
  });

  field("video").addEventListener("change", () => {
    const file = field("video").files[0];
    part("chosen").textContent = file ? `${file.name}, ${size(file.size)}` : "";
  });
  field("title").addEventListener("input", () => {
    part("count").textContent = `${field("title").value.length} of 2200`;
  });
  form.querySelectorAll('[name="source"]').forEach((radio) => radio.addEventListener("change", showSource));
  form.querySelectorAll('[name="mode"]').forEach((radio) => radio.addEventListener("change", showMode));
  showSource();
  showMode();
})();
