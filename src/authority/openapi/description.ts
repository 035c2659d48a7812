import type { IssuerUrl } from '../../identity/issuer.ts'
import { documentPaths, headers, parameters, responses } from './documents.ts'
import { type FormName, formPaths, formResponses, securitySchemes } from './forms.ts'
import { type Json, schemas } from './schemas.ts'

/** Which of the endpoints that need not be there are. */
export interface Served {
  readonly forms: readonly FormName[]
  readonly revocations: boolean
}

/**
 * The OpenAPI 3.1 description of what this authority serves: every path, every status and every member of an answer. What
 * it does not name is an error, in a test or in the field. So 500 is not named: it is a defect, and no answer that anybody
 * should be ready for.
 */
export function describeApi({ issuer, path }: Pick<IssuerUrl, 'issuer' | 'path'>, served: Served): Json {
  const withForms = served.forms.length > 0
  return {
    openapi: '3.1.0',
    info: {
      title: 'Signet authority',
      version: 'v1',
      description: 'Keys, tokens and revocations of the identities of a Kubernetes cluster.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: new URL(issuer).origin }],
    paths: { ...documentPaths(path, served), ...formPaths(path, served.forms) },
    components: {
      schemas,
      headers,
      parameters,
      responses: { ...responses, ...(withForms ? formResponses : {}) },
      ...(withForms ? { securitySchemes } : {}),
    },
  }
}
