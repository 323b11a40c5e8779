import type { CloudParts } from '../parts.ts';
import { GitHubError } from './errors.ts';
import type { Alert, Leak, Resolution } from './model.ts';

/** What an update of an alert asks for. */
export interface Change {
  state: 'open' | 'resolved';
  resolution: Resolution | null;
  comment: string | null;
}

/** Names of owners and repositories are the same in large and small letters. */
const keyOf = (repository: string): string => repository.toLowerCase();

/** The alerts of all repositories. */
export class Alerts {
  readonly #parts: CloudParts;
  readonly #alerts = new Map<string, Alert[]>();

  constructor(parts: CloudParts) {
    this.#parts = parts;
  }

  /** Throws TypeError for a repository that is not `owner/name`. */
  add(leak: Leak): Alert {
    const { repository, secretType } = leak;
    if (!/^[\w.-]+\/[\w.-]+$/.test(repository)) throw new TypeError('A repository is owner/name.');
    const known = this.#alerts.get(keyOf(repository)) ?? [];
    const nowMs = this.#parts.clock.nowMs();
    const alert: Alert = {
      displayName: secretType,
      validity: 'unknown',
      publiclyLeaked: false,
      path: 'README.md',
      ...leak,
      number: known.length + 1,
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
      state: 'open',
      resolution: null,
      resolutionComment: null,
      resolvedAtMs: null,
    };
    this.#alerts.set(keyOf(repository), [...known, alert]);
    return alert;
  }

  find(repository: string, number: number): Alert | undefined {
    return this.#alerts.get(keyOf(repository))?.find((alert) => alert.number === number);
  }

  all(): Alert[] {
    return [...this.#alerts.values()].flat();
  }

  /** Resolves or reopens an alert. Returns whether its state is another one now. Throws 400 and 422. */
  change(alert: Alert, { state, resolution, comment }: Change): boolean {
    if (state === 'resolved' && resolution === null) {
      throw new GitHubError(422, 'A resolution is required to resolve an alert.');
    }
    if (state === 'open' && (resolution !== null || comment !== null)) {
      throw new GitHubError(422, 'State does not match the resolution or resolution comment.');
    }
    const isRepeated = alert.state === state && alert.resolution === resolution;
    if (isRepeated && this.#parts.switches.repeatedResolutionStatus === 400) {
      throw new GitHubError(400, 'The resolution was not changed.');
    }
    const isOther = alert.state !== state;
    const nowMs = this.#parts.clock.nowMs();
    const resolvedAtMs = state === 'open' ? null : (alert.resolvedAtMs ?? nowMs);
    Object.assign(alert, { state, resolution, resolutionComment: comment, resolvedAtMs, updatedAtMs: nowMs });
    return isOther;
  }
}
