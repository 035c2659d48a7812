/** The members of package.json that the verifier's package takes over. */
export interface ProjectManifest {
  readonly name: string
  readonly version: string
  readonly license: string
  readonly type: string
  readonly engines: object
  readonly exports: object
}

/**
 * The package.json of the npm package: what the verifier needs, and nothing that only the operator needs. The verifier is
 * bundled, so the package has no dependencies; without `private` it can be published.
 */
export function verifierManifest({ name, version, license, type, engines, exports }: ProjectManifest): object {
  const description = "Verifies Signet's tokens in Node services, and gets the tokens that they send"
  return { name, version, description, license, type, engines, exports, files: ['dist-verifier'] }
}
