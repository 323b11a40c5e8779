import { headlineOf, timeOfNotice } from './notice.ts';
import type { Notice } from './notice.ts';

/** Slack refuses a longer section. https://docs.slack.dev/reference/block-kit/blocks/section-block */
const LONGEST_SECTION = 3_000;

/** Names come from the account: without this one of them could mention a channel, or pass as a link. */
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Never cut inside of an escaped character. */
function section(text: string): string {
  if (text.length <= LONGEST_SECTION) return text;
  const cut = text.slice(0, LONGEST_SECTION - 2).replace(/&[a-z]{0,3}$/, '');
  return `${cut.toWellFormed()} …`;
}

const block = (text: string): object => ({
  type: 'section',
  text: { type: 'mrkdwn', text: section(text), verbatim: true },
});

const detailLine = ([name, detail]: [string, unknown]): string =>
  `${name}: ${Array.isArray(detail) ? detail.join(', ') : String(detail)}`;

/** A message for an incoming webhook: what happened, to which key, and what to do. https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks */
export function slackBody(notice: Notice): string {
  const { deployment, keyId, incident, why, next, details } = notice;
  const headline = escaped(headlineOf(notice));
  const facts = [
    `deployment ${deployment}`,
    ...(keyId === null ? [] : [`key ${keyId}`]),
    ...(incident === null ? [] : [`incident ${incident}`]),
    timeOfNotice(notice),
    ...Object.entries(details).map(detailLine),
  ];
  const steps = next.map((step, index) => `${index + 1}. ${step}`);
  const todo = steps.length === 0 ? 'Nothing to do.' : `*Next*\n${escaped(steps.join('\n'))}`;
  return JSON.stringify({
    text: `${headline}: ${escaped(why)}`,
    blocks: [block(`*${headline}*\n${escaped(why)}`), block(todo), block(escaped(facts.join(' · ')))],
  });
}
