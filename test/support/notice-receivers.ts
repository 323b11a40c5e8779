import type { Manifest } from '../../shared/keys/manifest.ts';
import type { RunContext } from '../../shared/rotation/run.ts';
import type { Settings } from '../../shared/runtime/settings.ts';
import type { Laboratory } from './laboratory.ts';

const ORIGIN = 'http://127.0.0.1:1';

/** Settings that have the receivers of the embedded cloud told, beside those of a run. */
export function telling(
  lab: Laboratory,
  manifest: Manifest,
  settings: Settings = lab.context(manifest).settings,
): Pick<RunContext, 'settings'> {
  const { notices } = lab.context(manifest, {
    KEYROTA_NOTICE_WEBHOOK_URL: `${ORIGIN}/notices/standard-webhooks`,
    KEYROTA_NOTICE_WEBHOOK_SECRET: lab.cloud.notices.secret,
    KEYROTA_NOTICE_SLACK_URL: `${ORIGIN}/notices/slack/${lab.cloud.notices.slackToken}`,
    KEYROTA_ALLOWED_TARGETS: ORIGIN,
  }).settings;
  return { settings: { ...settings, notices } };
}

/** Types of the notices that came, in order; one that came again stands there once. */
export const typesTold = ({ cloud }: Laboratory): string[] => cloud.notices.webhooks.map(({ body }) => body.type);

/** How many messages Slack's channel has. */
export const slackCount = ({ cloud }: Laboratory): number => cloud.notices.slack.length;
