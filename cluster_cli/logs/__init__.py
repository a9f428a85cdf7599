"""The nodes' logs, from a node that receives them or from their journals."""
