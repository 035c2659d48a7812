import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from '@prometheus-io/client'

/**
 * Every metric of every command. The values of labels come from fixed sets: never the name of a namespace or an object, and
 * nothing from a request. docs/reference/metrics.md is generated from these definitions.
 */
export function createMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    contentType: registry.contentType,
    /** The metrics in the text format of Prometheus. */
    render: (): Promise<string> => registry.metrics(),
    reconcileDuration: new Histogram({
      name: 'signet_reconcile_duration_seconds',
      help: 'Duration of reconciles, by controller and result.',
      labelNames: ['controller', 'result'] as const,
      buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
      registers,
    }),
    eventLoopDelay: new Histogram({
      name: 'signet_event_loop_delay_seconds',
      help: 'Longest delay of the event loop in each second.',
      buckets: [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5],
      registers,
    }),
    eventLoopDelayQuantile: new Gauge({
      name: 'signet_event_loop_delay_quantile_seconds',
      help: 'Delay of the event loop since the start of the process, by quantile; quantile 1 is the maximum.',
      labelNames: ['quantile'] as const,
      registers,
    }),
    queueDepth: new Gauge({
      name: 'signet_queue_depth',
      help: 'Number of objects waiting to be reconciled, by controller.',
      labelNames: ['controller'] as const,
      registers,
    }),
    leader: new Gauge({ name: 'signet_leader', help: '1 if this replica is the leader, otherwise 0.', registers }),
    clockOffset: new Gauge({
      name: 'signet_clock_offset_seconds',
      help: 'Offset of the local clock from the clock of the API server; beyond 60 s in either direction, no decision is made that needs the time.',
      registers,
    }),
    apiRequests: new Counter({
      name: 'signet_api_requests_total',
      help: 'Requests to the Kubernetes API, by verb, resource and HTTP status.',
      labelNames: ['verb', 'resource', 'status'] as const,
      registers,
    }),
    tokensMinted: new Counter({
      name: 'signet_tokens_minted_total',
      help: 'Tokens minted for Secrets of identities, by reason.',
      labelNames: ['reason'] as const,
      registers,
    }),
    keysRotated: new Counter({
      name: 'signet_key_changes_total',
      help: 'Changes of the state of signing keys, by change.',
      labelNames: ['change'] as const,
      registers,
    }),
    keyRingsRestored: new Counter({
      name: 'signet_key_rings_restored_total',
      help: 'Key rings restored from memory after another client had deleted or replaced them, by reason.',
      labelNames: ['reason'] as const,
      registers,
    }),
    identities: new Gauge({
      name: 'signet_identities',
      help: 'Number of ServiceIdentities, by readiness.',
      labelNames: ['ready'] as const,
      registers,
    }),
    keys: new Gauge({
      name: 'signet_keys',
      help: 'Number of signing keys of identities, by state.',
      labelNames: ['state'] as const,
      registers,
    }),
    nextTokenExpiry: new Gauge({
      name: 'signet_next_token_expiry_timestamp_seconds',
      help: 'Expiry of the token that expires next, in seconds since the epoch; 0 if no token exists.',
      registers,
    }),
    nudgesWaiting: new Gauge({
      name: 'signet_nudges_waiting',
      help: 'Number of ServiceIdentities with pods that wait for an annotation to refresh their files.',
      registers,
    }),
    nudges: new Counter({
      name: 'signet_nudges_total',
      help: 'Pods annotated so that kubelet refreshes their files, by result.',
      labelNames: ['result'] as const,
      registers,
    }),
    certificateExpiry: new Gauge({
      name: 'signet_certificate_expiry_timestamp_seconds',
      help: 'Expiry of a certificate, in seconds since the epoch, by certificate.',
      labelNames: ['certificate'] as const,
      registers,
    }),
    webhookDecisions: new Counter({
      name: 'signet_webhook_decisions_total',
      help: 'Admission reviews, by path and decision.',
      labelNames: ['path', 'decision'] as const,
      registers,
    }),
    webhookDuration: new Histogram({
      name: 'signet_webhook_duration_seconds',
      help: 'Duration of admission reviews.',
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1],
      registers,
    }),
    sharedCacheCommands: new Counter({
      name: 'signet_shared_cache_commands_total',
      help: 'Redis commands, by command and result.',
      labelNames: ['command', 'result'] as const,
      registers,
    }),
    sharedCacheDegraded: new Gauge({
      name: 'signet_shared_cache_degraded',
      help: '1 if Redis is unreachable, does not reply in time, rejects writes or delivers no messages of other replicas, otherwise 0.',
      registers,
    }),
    tokensIssued: new Counter({
      name: 'signet_tokens_issued_total',
      help: 'Tokens issued by the authority, by grant and whether a cached token was reused.',
      labelNames: ['grant', 'reused'] as const,
      registers,
    }),
    oauthRefusals: new Counter({
      name: 'signet_oauth_refusals_total',
      help: 'Rejected requests to token, introspect and revoke, by endpoint, OAuth error and internal reason.',
      labelNames: ['endpoint', 'error', 'reason'] as const,
      registers,
    }),
    formDuration: new Histogram({
      name: 'signet_form_duration_seconds',
      help: 'Duration of requests to token, introspect and revoke from the end of the body, by endpoint.',
      labelNames: ['endpoint'] as const,
      buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 5],
      registers,
    }),
    formRequestsInFlight: new Gauge({
      name: 'signet_form_requests_in_flight',
      help: 'Number of requests to token, introspect and revoke in flight.',
      registers,
    }),
    knownPods: new Gauge({
      name: 'signet_known_pods',
      help: 'Number of pods in the cache of the authority.',
      registers,
    }),
    issuing: new Gauge({
      name: 'signet_issuing',
      help: '1 if this replica of the authority has a usable issuing key, otherwise 0.',
      registers,
    }),
    httpRequests: new Counter({
      name: 'signet_http_requests_total',
      help: 'Responses of the authority, by endpoint and HTTP status.',
      labelNames: ['endpoint', 'status'] as const,
      registers,
    }),
  }
}

export type Metrics = ReturnType<typeof createMetrics>
