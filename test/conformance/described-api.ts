import { type IncomingHttpHeaders } from 'node:http'
import { request } from 'node:https'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

type Json = Readonly<Record<string, unknown>>

export interface DescribedAnswer {
  readonly method: string
  /** As it was asked for, with its query. */
  readonly path: string
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface CallOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** One error that an endpoint may give, as it is described. */
export interface DescribedError {
  readonly path: string
  readonly status: number
  readonly error: string
}

interface Operation {
  readonly responses: Readonly<Record<string, Json>>
}

interface PathItem extends Readonly<Record<string, unknown>> {
  readonly get?: Operation
  readonly post?: Operation
}

/**
 * Judges answers by an OpenAPI description: every status has to be described, every header and member of a body as it is
 * said there. What it does not know how to judge is a problem too.
 */
export class DescribedApi {
  readonly description: Json
  readonly #ajv: Ajv2020
  readonly #validators = new Map<string, ValidateFunction>()

  constructor(description: Json) {
    this.description = description
    this.#ajv = new Ajv2020({ strict: true, strictRequired: false, allErrors: true, coerceTypes: false })
    addFormats.default(this.#ajv)
    this.#ajv.addKeyword('components')
    for (const name of ['openapi', 'info', 'servers', 'paths']) this.#ajv.addKeyword(name)
    this.#ajv.addSchema(description, 'api')
  }

  get paths(): Readonly<Record<string, PathItem>> {
    return this.description['paths'] as Readonly<Record<string, PathItem>>
  }

  /** Every error of every form endpoint; throws where an answer does not say which errors it gives. */
  errors(): DescribedError[] {
    return Object.entries(this.paths).flatMap(([path, { post }]) =>
      Object.entries(post?.responses ?? {}).flatMap(([status, response]) => {
        if (Number(status) < 400) return []
        const { content } = this.resolve(response) as { content?: Json }
        const media = content?.['application/json'] as { schema?: Json } | undefined
        const body = this.resolve(media?.schema ?? {}) as { properties?: { error?: { enum?: readonly string[] } } }
        const errors = body.properties?.error?.enum ?? []
        if (errors.length === 0) throw new Error(`${path}: ${status} does not say which errors it gives`)
        return errors.map((error) => ({ path, status: Number(status), error }))
      }),
    )
  }

  /** Every `$ref`, to see that it leads somewhere. */
  references(): string[] {
    const found: string[] = []
    JSON.stringify(this.description, (key, value: unknown) => {
      if (key === '$ref' && typeof value === 'string') found.push(value)
      return value
    })
    return found
  }

  /** What a `$ref` leads to; throws where that is nowhere. */
  resolve(part: Json): Json {
    const { $ref: reference } = part
    if (typeof reference !== 'string') return part
    const found = reference
      .slice(2)
      .split('/')
      .reduce<unknown>((at, name) => (at as Json | undefined)?.[name], this.description)
    if (typeof found !== 'object' || found === null) throw new Error(`${reference} leads nowhere`)
    return this.resolve(found as Json)
  }

  /** What is wrong with an answer; nothing where all is as described. */
  problems({ method, path, status, headers, body }: DescribedAnswer): string[] {
    const item = this.#itemOf(path.split('?')[0] ?? '')
    const label = `${method} ${path}: ${status}`
    if (item === undefined) return status === 404 && body === '' ? [] : [`${label} for a path that is not described`]
    // HEAD is GET without a body; any other method is refused as the one that is described refuses.
    const operation = method === 'POST' ? (item.post ?? item.get) : (item.get ?? item.post)
    const described = operation?.responses[String(status)]
    if (described === undefined) return [`${label} is not described`]
    const { headers: wanted = {}, content } = this.resolve(described) as { headers?: Json; content?: Json }
    const problems = Object.entries(wanted).flatMap(([name, header]) =>
      this.#headerProblems(name, header as Json, headers[name.toLowerCase()]),
    )
    const expected = method === 'HEAD' ? undefined : content
    return [...problems, ...this.#bodyProblems(expected, headers['content-type'], body)].map(
      (text) => `${label}: ${text}`,
    )
  }

  #headerProblems(name: string, reference: Json, value: string | string[] | undefined): string[] {
    const { required, schema } = this.resolve(reference)
    if (value === undefined) return required === true ? [`header ${name} is missing`] : []
    return this.#validate(schema as Json, value).map((text) => `header ${name} ${text}`)
  }

  #bodyProblems(content: Json | undefined, type: string | undefined, body: string): string[] {
    if (content === undefined) return body === '' ? [] : ['a body where there should be none']
    const media = content[type?.split(';')[0] ?? ''] as { schema: Json } | undefined
    if (media === undefined) return [`content type ${type ?? 'missing'} is not described`]
    let value: unknown
    try {
      value = JSON.parse(body)
    } catch {
      return ['the body is no JSON']
    }
    return this.#validate(media.schema, value).map((text) => `body ${text}`)
  }

  #validate(schema: Json, value: unknown): string[] {
    const key = JSON.stringify(schema)
    const validate = this.#validators.get(key) ?? this.#ajv.compile(JSON.parse(key.replaceAll('"#/', '"api#/')) as Json)
    this.#validators.set(key, validate)
    if (validate(value)) return []
    return (validate.errors ?? []).map(({ instancePath, message, params }) =>
      `${instancePath} ${message ?? 'is wrong'} ${JSON.stringify(params)}`.trim(),
    )
  }

  #itemOf(path: string): PathItem | undefined {
    const found = Object.entries(this.paths).find(([template]) => templateForm(template).test(path))
    return found?.[1]
  }
}

function templateForm(template: string): RegExp {
  const text = template.replaceAll(/[.*+?^$()|[\]\\]/g, String.raw`\$&`).replaceAll(/\{\w+\}/g, '[^/]+')
  return new RegExp(`^${text}$`)
}

/** Asks a running server, whose certificate is taken as it is, and says what it answered. */
export function ask(
  origin: string,
  path: string,
  { method = 'GET', headers, body }: CallOptions = {},
): Promise<DescribedAnswer> {
  return new Promise((resolve, reject) => {
    const options = { method, headers, agent: false, rejectUnauthorized: false, timeout: 10_000 } as const
    // The path as it is: a URL would be normalised.
    const call = request(origin, { ...options, path }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => (text += part))
      answer.once('error', reject)
      answer.once('end', () =>
        resolve({ method, path, status: answer.statusCode ?? 0, headers: answer.headers, body: text }),
      )
    })
    call.once('timeout', () => call.destroy(new Error(`${method} ${path} was not answered within 10 s`)))
    call.once('error', reject)
    call.end(body)
  })
}

/** What a running server says of itself. `base` is the path of its issuer. */
export async function describedApiAt(origin: string, base = ''): Promise<DescribedApi> {
  const { status, body } = await ask(origin, `${base}/openapi.json`)
  if (status !== 200) throw new Error(`${base}/openapi.json is answered ${status}`)
  return new DescribedApi(JSON.parse(body) as Json)
}
