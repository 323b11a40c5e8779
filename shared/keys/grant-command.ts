/** How a person gives Keyrota's own identity a role. PROFILE is its trusted profile. */
export const grantCommand = (rest: string): string => `ibmcloud iam trusted-profile-policy-create PROFILE ${rest}`;
