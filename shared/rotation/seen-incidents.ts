import { incidentIdOf } from '../keys/compromise-mark.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import type { Observation, SeenVersion } from './observation.ts';
import { timeText } from './record.ts';
import { isCompromised } from './situation.ts';

/** What a look shows of a leak. Times are ISO texts, empty where it has not come to that. */
export interface SeenIncident {
  incident: string;
  name: string;
  kind: string;
  keyId: string;
  owner: string;
  /** `disabled-at-issuer`: nobody reported it, somebody disabled the key. */
  reports: readonly { by: string; delivery: string; at: string }[];
  reportedAt: string;
  containedAt: string;
  replacedBy: string;
  replacedAt: string;
  /** The leaked key is gone: when it was first seen to be. */
  deletedAt: string;
  /** Names of consumers' locks that this run moved to the replacement. */
  movedLocks?: readonly string[];
}

/**
 * Leaks of the keys of one entry that are not over, or were when the last version was stored. What is over is told until the next
 * rotation: a run may be cut off before it is written down.
 */
export function seenIncidents(key: ManagedKey, seen: Observation, nowMs: number): SeenIncident[] {
  const versions = seen.secret?.versions ?? [];
  const inVersions = versions.flatMap((version, index) => {
    const { record } = version;
    if (!record || version.alias === null) return [];
    // The key of a version that is released is not looked at any more: it was seen to be gone.
    const found = seen.keys.find(({ id }) => id === record.key_id) ?? { exists: false, id: record.key_id };
    const mark = { id: found.id, markedCompromised: found.exists && found.markedCompromised };
    const isLeaked = isCompromised(mark, seen.secret);
    const successor = successorOf(versions, index);
    const isOut = !found.exists || found.disabled;
    // Of a retired entry Keyrota itself disables it.
    const isCutOff = found.exists && version.alias === 'current' && key.state === 'active';
    const isDisabled = isOut && (wasDisabled(successor) || isCutOff);
    if (!isLeaked && !isDisabled) return [];
    const disabledAt = found.exists && found.disabledAtMs !== null ? timeText(found.disabledAtMs) : '';
    const replacedAt = successor ? timeText(successor.createdAtMs) : '';
    const [firstAt = ''] = [...record.reports.map(({ at }) => at), record.compromised_at].filter(Boolean).toSorted();
    const reportedAt = firstAt || disabledAt || replacedAt || timeText(nowMs);
    return {
      incident: record.incident || incidentIdOf(found.id),
      name: key.name,
      kind: key.kind,
      keyId: found.id,
      owner: record.owner,
      reports: isLeaked ? record.reports : [{ by: 'disabled-at-issuer', delivery: '', at: reportedAt }],
      reportedAt,
      containedAt: record.contained_at || disabledAt || (found.exists ? '' : reportedAt),
      replacedBy: successor?.record?.key_id ?? '',
      replacedAt,
      deletedAt: found.exists ? '' : timeText(nowMs),
    };
  });
  return [...inVersions, ...ofAdopted(key, seen, nowMs)];
}

/** Of keys that were taken in, and that no version holds, only the summary tells. */
function ofAdopted(key: ManagedKey, { secret, keys }: Observation, nowMs: number): SeenIncident[] {
  const isHeld = (keyId: string) => secret?.versions.some(({ record }) => record?.key_id === keyId) === true;
  const adopted = (secret?.summary?.compromised_keys ?? []).filter((one) => !isHeld(one.key_id));
  return adopted.flatMap(({ key_id: keyId, at, by, delivery }) => {
    const found = keys.find(({ id }) => id === keyId);
    if (!found) return [];
    const disabledAt = found.exists && found.disabledAtMs !== null ? timeText(found.disabledAtMs) : '';
    return {
      incident: incidentIdOf(keyId),
      name: key.name,
      kind: key.kind,
      keyId,
      owner: key.owner,
      reports: [{ by, delivery, at }],
      reportedAt: at,
      containedAt: disabledAt || (found.exists ? '' : timeText(nowMs)),
      replacedBy: '',
      replacedAt: '',
      deletedAt: found.exists ? '' : timeText(nowMs),
    };
  });
}

/** The version that followed, if it holds another key: a restored one is no successor of itself. */
const successorOf = (versions: readonly SeenVersion[], index: number): SeenVersion | undefined =>
  versions.slice(index + 1).find(({ record }) => record && record.key_id !== versions[index]?.record?.key_id);

const wasDisabled = (successor: SeenVersion | undefined): boolean => successor?.record?.reason === 'disabled';
