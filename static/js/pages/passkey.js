// Passkeys. A form with data-passkey fills its hidden field with what the device signed, then goes as any form does.
// "create" and "get" find the server's options beside them; "login" fetches them when they are wanted.

const toBytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
const toText = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

function withBytes(options) {
  const listed = (list = []) => list.map((one) => ({ ...one, id: toBytes(one.id) }));
  return {
    ...options,
    challenge: toBytes(options.challenge),
    ...(options.user && { user: { ...options.user, id: toBytes(options.user.id) } }),
    ...(options.allowCredentials && { allowCredentials: listed(options.allowCredentials) }),
    ...(options.excludeCredentials && { excludeCredentials: listed(options.excludeCredentials) }),
  };
}

function asText(credential) {
  const answer = credential.response;
  const response = { clientDataJSON: toText(answer.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (answer[name]) response[name] = toText(answer[name]);
  }
  if (answer.getTransports) response.transports = answer.getTransports();
  return JSON.stringify({
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
    response,
  });
}

async function options(form) {
  const written = form.querySelector("#passkey-options");
  if (written) return JSON.parse(written.textContent).publicKey;
  const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return (await answer.json()).request_options.publicKey;
}

function tell(form, error) {
  const told = form.querySelector(".passkey-told");
  // "NotAllowedError" finds data-not-allowed-error.
  told.textContent = told.dataset[error.name[0].toLowerCase() + error.name.slice(1)] ?? told.dataset.other;
  told.hidden = false;
}

async function send(form) {
  const button = form.querySelector("button[type='submit']");
  form.querySelector(".passkey-told").hidden = true;
  button.disabled = true;
  try {
    const publicKey = withBytes(await options(form));
    const act = form.dataset.passkey === "create" ? "create" : "get";
    form.elements.credential.value = asText(await navigator.credentials[act]({ publicKey }));
    form.submit();
  } catch (error) {
    tell(form, error);
    button.disabled = false;
  }
}

if (window.PublicKeyCredential) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(form);
    });
  }
}
