"""Noises: each draws its level for every example, and every example has its own draw."""
