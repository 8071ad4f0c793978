"""The node's API in the shape of Proxmox VE's: a FastAPI application over what `context` names."""
