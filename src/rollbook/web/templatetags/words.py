"""What templates may say: numbers, names and dates the way people write them."""

from django import template

register = template.Library()
