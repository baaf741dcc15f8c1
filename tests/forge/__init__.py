"""A stand-in of the tests' own for Gitea: real HTTP on loopback and real Git, and nothing of the product knows of it.

It answers the part of the API that the product uses, with the shapes, status codes and webhooks of Gitea 1.17 to 1.24
as they were recorded and documented. It is no Gitea: what it lets pass, a real one may still refuse.
"""
