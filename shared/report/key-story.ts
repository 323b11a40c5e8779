import type { SeenIncident } from '../rotation/seen-incidents.ts';

/** A version of the secret of an entry. Times are ISO texts. */
export interface StoryVersion {
  id: string;
  alias: 'current' | 'previous' | null;
  createdAt: string;
  /** The key whose value it holds, and why that was made; null where it is none of ours. */
  keyId: string | null;
  reason: string | null;
  /** Somebody has read its value. */
  fetched: boolean;
  hasPayload: boolean;
  locks: { name: string; since: string; isOurs: boolean }[];
}

/** A key that concerns the entry, as its issuer shows it. */
export interface StoryKey {
  id: string;
  /** `unknown`: ours by its name, and no version names it. */
  role: 'current' | 'former' | 'adopted' | 'unknown';
  exists: boolean;
  createdAt: string | null;
  supersededAt: string | null;
  disabledAt: string | null;
  expiresAt: string | null;
  disabled: boolean;
  locked: boolean;
  compromised: boolean;
  /** ISO, `never` or `unknown`. */
  lastUsed: string;
}

/** Something that happened to the entry, or will if nothing changes. */
export interface StoryEvent {
  at: string;
  what:
    | 'created'
    | 'stored'
    | 'superseded'
    | 'grace over'
    | 'disabled'
    | 'deleted'
    | 'reported'
    | 'contained'
    | 'replaced'
    | 'due'
    | 'expires';
  keyId: string | null;
  text: string;
}

/** All that is known of one entry: what exists, what was decided, by which rule, and what comes next. Never holds a value. */
export interface KeyStory {
  name: string;
  kind: string;
  owner: string;
  state: 'active' | 'retired';
  takenAt: string;
  secret: { name: string; groupId: string; type: string; id: string | null; state: string | null };
  decision: {
    step: string;
    /** Name of the rule of plan that decided. */
    rule: string;
    why: string;
    code: string | null;
    keyId: string | null;
    since: string | null;
    until: string | null;
    /** The exact steps, where a person is asked. */
    next: string[];
  };
  versions: StoryVersion[];
  keys: StoryKey[];
  incidents: readonly SeenIncident[];
  /** Oldest first. */
  past: StoryEvent[];
  /** Soonest first; what depends on people or on evidence has no time and is not in here. */
  ahead: StoryEvent[];
}
