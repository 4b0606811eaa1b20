"""The deployment: what kustomize, compose and the workflows say, held to rules; nothing is started."""
