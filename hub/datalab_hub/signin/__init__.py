"""Signing in on one machine: one-time links, generated passwords, a uid for each person.

In production any ``oauthenticator`` class takes this place (docs/how-to/sign-in.md).
"""
