"""Pull requests on GitHub and GitHub Enterprise, with the person's own token."""
