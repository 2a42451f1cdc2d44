// The import of posts: reads the chosen file, whose bytes the server decodes.
const form = document.querySelector("form[data-import]");
const input = document.getElementById("csv-file");
form.querySelector('[data-part="file-field"]').hidden = false;

input.addEventListener("change", () => {
  const [file] = input.files;
  const target = form.elements.namedItem("file");
  target.value = "";
  if (!file) return;
  const reader = new FileReader();
  reader.onload = () => { target.value = reader.result.slice(reader.result.indexOf(",") + 1); };
  reader.readAsDataURL(file);
});
