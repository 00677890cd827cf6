"""Reading Chinese chat messages: intent, quantity, unit, product, day."""

from bots.understand.intents import Intent
from bots.understand.products import Product, ProductIndex
from bots.understand.quantities import Quantity, to_bottles
from bots.understand.reply import Said, understand

__all__ = ["Intent", "Product", "ProductIndex", "Quantity", "Said", "to_bottles", "understand"]
