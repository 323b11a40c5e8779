/** What a report of a leak can name the key by. */
export const LOCATORS = ['id', 'secret-crn', 'value-hash'] as const;
export type Locator = (typeof LOCATORS)[number];
