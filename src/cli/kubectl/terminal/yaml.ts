import { dump } from 'js-yaml'

/** An object in the YAML style of a manifest. */
export function toYaml(value: unknown): string {
  return dump(value, { lineWidth: -1, noRefs: true })
}
