import type { Secret, Version } from './model.ts';
import { DAY_MS, nextRotationMs } from './rotation.ts';
import { isLocked, isRotatable, mapVersions, withNewVersion } from './versions.ts';

/** Something that time alone did to a secret. */
export interface Lapse {
  kind: 'rotated' | 'rotation-blocked' | 'destroyed';
  atMs: number;
  before: Secret;
  after: Secret;
}

interface Due {
  kind: 'rotation' | 'destruction';
  atMs: number;
}

/** What time does to the secret next, null when nothing. A lock keeps an expired secret from being destroyed. */
export function nextDue(secret: Secret): Due | null {
  const { destroyedAtMs, expiresAtMs, credentials } = secret;
  if (destroyedAtMs !== null) return null;
  const rotationMs = credentials?.nextRotationMs ?? Infinity;
  if (expiresAtMs !== null && expiresAtMs <= rotationMs && !isLocked(secret)) {
    return { kind: 'destruction', atMs: expiresAtMs };
  }
  return rotationMs === Infinity ? null : { kind: 'rotation', atMs: rotationMs };
}

/**
 * All that time did to the secret until `nowMs`, in order; nothing of it before `fromMs`, when what held it back may have
 * gone. `newVersion` makes the versions of automatic rotations.
 */
export function lapsesOf(
  secret: Secret,
  { fromMs, nowMs }: { fromMs: number; nowMs: number },
  newVersion: (secret: Secret, atMs: number) => Version,
): Lapse[] {
  const lapses: Lapse[] = [];
  let before = secret;
  for (let due = nextDue(before); due && due.atMs <= nowMs; due = nextDue(before)) {
    const atMs = Math.max(due.atMs, fromMs);
    const lapse =
      due.kind === 'destruction'
        ? { kind: 'destroyed' as const, after: destroyed(before, atMs) }
        : rotatedByItself(before, atMs, newVersion);
    lapses.push({ ...lapse, before, atMs });
    before = lapse.after;
  }
  return lapses;
}

/** The secret as it is at `nowMs` but for automatic rotations. */
export function expired(secret: Secret, nowMs: number): Secret {
  const due = nextDue(withNextRotation(secret, null));
  return due && due.atMs <= nowMs ? destroyed(secret, due.atMs) : secret;
}

function destroyed(secret: Secret, atMs: number): Secret {
  const wiped = mapVersions(secret, (version) => ({ ...version, data: null }));
  return { ...withNextRotation(wiped, null), destroyedAtMs: atMs };
}

/** A rotation that a lock blocks is tried again each day. */
function rotatedByItself(
  secret: Secret,
  atMs: number,
  newVersion: (secret: Secret, atMs: number) => Version,
): Pick<Lapse, 'kind' | 'after'> {
  if (!isRotatable(secret)) return { kind: 'rotation-blocked', after: withNextRotation(secret, atMs + DAY_MS) };
  const rotated = withNewVersion(secret, newVersion(secret, atMs));
  const nextMs = nextRotationMs(secret.credentials?.rotation ?? null, atMs);
  return { kind: 'rotated', after: { ...withNextRotation(rotated, nextMs), updatedAtMs: atMs } };
}

const withNextRotation = (secret: Secret, nextMs: number | null): Secret =>
  secret.credentials ? { ...secret, credentials: { ...secret.credentials, nextRotationMs: nextMs } } : secret;
