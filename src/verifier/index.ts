/**
 * The verifier SDK: what a service needs to prove who it is and to check who others are. The one barrel of the project,
 * published as `@signet-dev/signet/verifier`.
 */
export { createVerifier } from './verifier.ts'
export type { SourceHealth, Verifier, VerifierHealth } from './verifier.ts'
export type { RevocationMode, VerifierOptions } from './verifier-options.ts'
export { VerifierUnavailableError } from './verifier-error.ts'
export { TokenError } from '../tokens/token-error.ts'
export type { TokenErrorCode } from '../tokens/token-error.ts'
export type { TokenHeader, VerifiedToken } from '../tokens/verify.ts'
export type { Profile, TokenClaims } from '../tokens/claims.ts'
export type { Algorithm } from '../keys/algorithm.ts'
export type { Logger } from '../logger.ts'
export { authenticate, callerOf, withCaller } from './authenticate.ts'
export type { Authenticated, AuthenticateOptions, Middleware } from './authenticate.ts'
export { authenticateRequest } from './authenticate-request.ts'
export type { Authentication, Refusal } from './authenticate-request.ts'
export type { Caller } from './caller.ts'
export { tokenSource } from './token-source.ts'
export type { TokenSource, TokenSourceOptions } from './token-source.ts'
export type { ExchangeOptions } from './exchanged-token.ts'
export { TokenSourceError } from './token-source-error.ts'
export type { TokenSourceErrorCode } from './token-source-error.ts'
