"""Names and places from which people are made up."""

GIVEN_FEMALE = ["Amara", "Beatriz", "Chloe", "Dalia", "Eleni", "Farah", "Grace", "Hana", "Imani", "Jun", "Keiko", "Leila", "Mei", "Nadia", "Olga", "Priya", "Rosa", "Sofia", "Tamara", "Uma", "Valentina", "Wren", "Ximena", "Yara", "Zofia", "Abigail", "Charlotte", "Emma", "Olivia", "Ruth"]
GIVEN_MALE = ["Ahmed", "Bruno", "Chidi", "Diego", "Emil", "Farid", "Gustavo", "Hiro", "Ivan", "Jamal", "Kofi", "Luca", "Mateo", "Nikolai", "Omar", "Pavel", "Quentin", "Rafael", "Santiago", "Tomasz", "Umar", "Viktor", "Wei", "Xavier", "Yusuf", "Zane", "Benjamin", "Henry", "Samuel", "Walter"]
FAMILY = ["Abbott", "Adeyemi", "Alvarez", "Bauer", "Begum", "Carter", "Castillo", "Chen", "Cohen", "Diaz", "Dubois", "Edwards", "Eriksson", "Fischer", "Flores", "Garcia", "Gupta", "Haddad", "Hansen", "Ibrahim", "Ivanova", "Jackson", "Johansson", "Kaplan", "Khan", "Kim", "Kowalski", "Lee", "Lopez", "Mbeki", "Miller", "Nakamura", "Nguyen", "Novak", "Okafor", "Olsen", "Ortiz", "Park", "Patel", "Petrov", "Quinn", "Ramirez", "Rossi", "Sanchez", "Sato", "Schmidt", "Silva", "Singh", "Smith", "Tanaka", "Taylor", "Thompson", "Usman", "Vargas", "Wagner", "Walker", "Williams", "Wong", "Yilmaz", "Young", "Zhang", "Zimmerman"]
STREETS = ["Alder", "Birch", "Cedar", "Chestnut", "Church", "Elm", "Forest", "Garden", "Hickory", "Lake", "Linden", "Main", "Maple", "Mill", "Oak", "Orchard", "Park", "Pine", "Prospect", "River", "School", "Spring", "Summit", "Union", "Walnut", "Washington", "Willow"]
CITIES = (
    ("Albany", "NY", "12207"),
    ("Troy", "NY", "12180"),
    ("Schenectady", "NY", "12305"),
    ("Saratoga Springs", "NY", "12866"),
    ("Pittsfield", "MA", "01201"),
    ("Bennington", "VT", "05201"),
)
SPECIALTIES = (
    "Family medicine",
    "Internal medicine",
    "Family medicine",
    "Cardiology",
    "Endocrinology",
    "Pediatrics",
)
