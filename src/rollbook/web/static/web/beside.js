// A test that is answered in place changes the complaints beside the fields. The fields stay, with what was typed in them,
// so that they have to be told which of them are complained about.
document.addEventListener("htmx:afterSettle", () => {
  for (const field of document.querySelectorAll(".field:has(.errors)")) {
    const complaints = field.querySelector(".errors");
    const inputs = [...field.querySelectorAll("input, select, textarea")];
    const wrong = complaints.hasChildNodes();
    for (const input of inputs) {
      if (wrong) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
    for (const each of field.matches("fieldset") ? [field] : inputs) {
      const others = (each.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== complaints.id);
      each.setAttribute("aria-describedby", [...others, ...(wrong ? [complaints.id] : [])].join(" "));
    }
  }
});
