import type { Obstacle } from '../keys/kind.ts';
import type { MintReason } from './record.ts';

/** What a held step waits for. */
type HoldCode =
  | 'grace'
  | 'evidence'
  | 'quarantine'
  | 'issuer-lock'
  | 'consumer-lock'
  | 'former-key'
  | 'mint-under-way'
  | 'key-not-visible'
  | 'back-off'
  | 'freeze'
  | 'window'
  | 'own-key'
  | 'paused';

/** The next thing to do for one key. `why` is a sentence for people. */
export type Step =
  | { step: 'rest'; why: string; untilMs: number | null }
  | { step: 'contain'; why: string; keyId: string }
  /** `removes`: the key that goes first, where its owner can have one only. */
  | { step: 'mint'; why: string; reason: MintReason; removes?: string }
  /** `sinceMs` is null where nothing tells it. */
  | { step: 'hold'; why: string; code: HoldCode; sinceMs: number | null; untilMs: number | null }
  /** `unlockFirst`: an undo locked the key; it is locked again afterwards. */
  | { step: 'extend'; why: string; keyId: string; expiresAtMs: number; unlockFirst: boolean }
  | { step: 'disable'; why: string; keyId: string; unlockFirst: boolean }
  | { step: 'delete'; why: string; keyId: string }
  | { step: 'discard'; why: string; keyId: string; phase: 'disable' | 'delete' }
  /** `moves`: locks of consumers that go with it, for the version that they are on holds a key that leaked. */
  | { step: 'release'; why: string; versionId: string; moves?: readonly string[] }
  | ({ step: 'ask'; why: string } & Obstacle);

export type Hold = Extract<Step, { step: 'hold' }>;

/** Steps that change nothing: the key is left as it is until later. */
export type Settled = Extract<Step, { step: 'rest' | 'hold' | 'ask' }>;

export const isSettled = (step: Step): step is Settled =>
  step.step === 'rest' || step.step === 'hold' || step.step === 'ask';
