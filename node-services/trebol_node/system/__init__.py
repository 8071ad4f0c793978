"""What a node shows of itself, in the shape of Proxmox VE's answers: facts in, values out; readers beside them."""
