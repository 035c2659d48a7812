/** What looks like a JWT or a PEM block; a last net below the rule that neither is ever handed to a writer. */
const secretForm =
  /eyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]+){0,4}|-----BEGIN [A-Z ]+-----[\s\S]*?(-----END [A-Z ]+-----|$)/g

/** Replaces whatever looks like a token or a PEM block. */
export function redact(text: string): string {
  return text.replace(secretForm, '[redacted]')
}
