// What the pages of the door cannot do without a script: show a password on request, and talk to passkeys.
for (const input of document.querySelectorAll("input[type=password]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain show";
  const say = () => { button.textContent = input.type === "password" ? "Show it" : "Hide it"; };
  button.addEventListener("click", () => { input.type = input.type === "password" ? "text" : "password"; say(); });
  input.form?.addEventListener("submit", () => { input.type = "password"; });
  say();
  input.after(button);
}

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
const spelled = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const asked = (options) => {
  const key = { ...options.publicKey, challenge: bytes(options.publicKey.challenge) };
  if (key.user) key.user = { ...key.user, id: bytes(key.user.id) };
  for (const name of ["excludeCredentials", "allowCredentials"]) {
    if (key[name]) key[name] = key[name].map((each) => ({ ...each, id: bytes(each.id) }));
  }
  return { publicKey: key };
};

const answered = (credential) => {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = spelled(credential.response[name]);
  }
  const id = spelled(credential.rawId);
  return { id, rawId: id, type: credential.type, response, clientExtensionResults: credential.getClientExtensionResults() };
};

for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const credential = await navigator.credentials[form.dataset.passkey](asked(JSON.parse(form.dataset.options)));
      form.elements.answer.value = JSON.stringify(answered(credential));
    } catch {
      form.querySelector("[role=alert]").hidden = false;
      return;
    }
    form.submit();
  });
}
