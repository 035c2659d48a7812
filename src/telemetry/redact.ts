/** Matches JWTs and PEM blocks. The code must never log either; this is the last line of defense. */
const secretForm =
  /eyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]+){0,4}|-----BEGIN [A-Z ]+-----[\s\S]*?(-----END [A-Z ]+-----|$)/g

/** Replaces JWTs and PEM blocks by `[redacted]`. */
export function redact(text: string): string {
  return text.replace(secretForm, '[redacted]')
}
