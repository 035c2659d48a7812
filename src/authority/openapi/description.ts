import type { IssuerUrl } from '../../identity/issuer.ts'
import type { FormEndpointName } from '../oauth/form-endpoint.ts'
import { documentPaths, headers, parameters, responses } from './documents.ts'
import { formPaths, formResponses, securitySchemes } from './forms.ts'
import { type Json, schemas } from './schemas.ts'

/** Which of the optional endpoints are served. */
export interface Served {
  readonly forms: readonly FormEndpointName[]
  readonly revocations: boolean
}

/**
 * The OpenAPI 3.1 description of this authority. It names every path, status and member of a response; tests fail on
 * anything else. Status 500 is left out, because it is a defect that clients need not expect.
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
