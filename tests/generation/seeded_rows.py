"""The catalogue as a fresh installation has it, whatever other tests left of it."""

from generation.catalogue import listed
from generation.catalogue.equivalents import equivalents_of
from generation.catalogue.sync import as_json
from generation.models import AIModel


def make_fresh() -> None:
    """Give every listed row its list's values; other rows are put out of the way. In a transaction of the test's."""
    rows = listed()
    AIModel.objects.exclude(slug__in=[row["slug"] for row in rows]).update(provider="elsewhere", seeded={})
    found = {model.slug: model for model in AIModel.objects.prefetch_related("equivalents")}
    related = {slug: sorted(other for other in named if other in found) for slug, named in equivalents_of(rows).items()}
    blank = AIModel()
    columns = [field.name for field in AIModel._meta.concrete_fields if field.name not in ("id", "slug")]
    changed = []
    for row in rows:
        model, named = found[row["slug"]], related[row["slug"]]
        wanted = {name: row.get(name, getattr(blank, name)) for name in columns}
        listed_values = {name: as_json(name, row[name]) for name in row if name != "equivalents"}
        wanted["seeded"] = listed_values | ({"equivalents": named} if named else {})
        if any(as_json(name, getattr(model, name)) != as_json(name, value) for name, value in wanted.items()):
            changed.append(model)
            for name, value in wanted.items():
                setattr(model, name, value)
        if sorted(other.slug for other in model.equivalents.all()) != named:
            model.equivalents.set([found[other] for other in named])
    AIModel.objects.bulk_update(changed, columns)
