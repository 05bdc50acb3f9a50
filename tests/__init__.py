"""What Rollbook promises, told as fears that did not come true."""
