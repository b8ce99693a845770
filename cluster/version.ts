/** The platform's version: every program tells this one, every image is tagged with it. A test holds it to package.json's. */
export const version = "0.1.0";
